-- Close executions with their results, if they are still this worker's at this fence; the ids of those that were.
-- $1 worker bigint; arrays, one element a run: $2 execution_id · $3 scheduled_for · $4 fence · $5 schedule_id
-- $6 duration_seconds; of $4 none at all where every fence is 1. $7 status · $8 result_data jsonb · $9 error_message
-- $10 an entry for errors, jsonb or NULL · $11 reason: only of the first ones; those after them have SUCCEEDED, and there
-- is no more to say.
-- $12 and $13 are the first and the last of $3: PostgreSQL plans for the days between them alone.
-- The open row goes first, in this statement as in every other: whoever holds it holds the execution. It is locked by its
-- key, one at a time, and then compared: a join would have PostgreSQL read all of the table, with all the dead rows in it
-- while somebody holds an old snapshot. IS NOT DISTINCT FROM has it expect few, as it should: the day's rows are found by
-- their keys too. Schedule and moment are compared as well: a standby that lacked the last commits may give ids out again.
WITH reported AS (
    SELECT r.execution_id, r.scheduled_for, coalesce(r.fence, 1) AS fence, r.schedule_id, r.duration_seconds, r.status,
           r.result_data, r.error_message, r.entry, r.reason
      FROM unnest($2::bigint[], $3::timestamptz[], $4::int[], $5::bigint[], $6::float8[], $7::text[], $8::jsonb[],
                  $9::text[], $10::jsonb[], $11::text[])
        AS r (execution_id, scheduled_for, fence, schedule_id, duration_seconds, status, result_data, error_message,
              entry, reason)
), held AS MATERIALIZED (
    SELECT r.*
      FROM reported AS r
     CROSS JOIN LATERAL (
           SELECT o.schedule_id, o.scheduled_for, o.fence, o.worker_id
             FROM rowcall.open_executions AS o
            WHERE o.execution_id = r.execution_id
            LIMIT 1
              FOR UPDATE) AS found
     WHERE found.fence = r.fence AND found.worker_id IS NOT DISTINCT FROM $1
       AND found.schedule_id IS NOT DISTINCT FROM r.schedule_id
       AND found.scheduled_for IS NOT DISTINCT FROM r.scheduled_for
), closed AS (
    DELETE FROM rowcall.open_executions AS o
     WHERE o.execution_id = ANY (ARRAY(SELECT h.execution_id FROM held AS h))
), ended AS (
    UPDATE rowcall.schedule_executions AS e
       SET status           = coalesce(c.status, 'SUCCEEDED'),
           finished_at      = statement_timestamp(),
           duration_seconds = c.duration_seconds,
           result_data      = c.result_data,
           error_message    = c.error_message,
           errors           = CASE WHEN c.entry IS NULL THEN e.errors ELSE coalesce(e.errors, '[]') || c.entry END,
           reason           = coalesce(c.reason, e.reason)
      FROM held AS c
     WHERE e.execution_id = c.execution_id AND e.scheduled_for = c.scheduled_for AND e.schedule_id = c.schedule_id
       AND e.fence = c.fence AND e.scheduled_for BETWEEN $12 AND $13
 RETURNING e.execution_id, e.schedule_id, e.status
), counted AS (
    INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses)
    SELECT array_agg(schedule_id), array_agg(execution_id), array_agg(status)
      FROM ended
    HAVING count(*) > 0
)
SELECT coalesce(array_agg(execution_id), '{}') FROM ended
