-- Cancel what is queued of the locked schedules $1 bigint[] and does not wait for another of them: retries, and what was
-- not claimed yet; for the reason $2 text. After request_cancel_open.sql, so that what is put back meanwhile is seen.
WITH queued AS MATERIALIZED (
    SELECT own.*
      FROM unnest($1::bigint[]) AS asked (schedule_id)
     CROSS JOIN LATERAL (
           SELECT o.execution_id, o.schedule_id, o.scheduled_for, o.fence
             FROM rowcall.open_executions AS o
            WHERE o.schedule_id = asked.schedule_id AND o.worker_id IS NULL AND o.available_at IS NOT NULL
              AND o.backfill_id IS NULL
              FOR UPDATE SKIP LOCKED) AS own
), closed AS (
    DELETE FROM rowcall.open_executions AS o
     USING queued AS q
     WHERE o.execution_id = q.execution_id
), counted AS (
    INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses)
    SELECT array_agg(c.schedule_id), array_agg(c.execution_id), array_agg('CANCELLED'::text)
      FROM queued AS c
     WHERE c.fence > 0
    HAVING count(*) > 0
)
UPDATE rowcall.schedule_executions AS e
   SET status = 'CANCELLED', finished_at = statement_timestamp(), reason = $2
  FROM queued AS q
 WHERE e.execution_id = q.execution_id AND e.scheduled_for = q.scheduled_for AND e.schedule_id = q.schedule_id
RETURNING e.execution_id, e.scheduled_for
