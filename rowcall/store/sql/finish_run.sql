-- Close one execution that has SUCCEEDED, and of which there is no more to say, if it is still this worker's at this
-- fence, as finish_executions.sql closes many: its id, or nothing. Found by its keys, so that its plan may be kept.
-- $1 worker bigint · $2 execution_id bigint · $3 scheduled_for timestamptz · $4 fence int · $5 schedule_id bigint
-- $6 duration_seconds float8
-- The open row goes first, in this statement as in every other: whoever holds it holds the execution. IS NOT DISTINCT
-- FROM keeps PostgreSQL from finding it by its worker, who may have thousands.
WITH closed AS (
    DELETE FROM rowcall.open_executions AS o
     WHERE o.execution_id = $2::bigint AND o.fence = $4::int AND o.worker_id IS NOT DISTINCT FROM $1::bigint
       AND o.schedule_id IS NOT DISTINCT FROM $5::bigint AND o.scheduled_for = $3::timestamptz
 RETURNING o.execution_id
), ended AS (
    UPDATE rowcall.schedule_executions AS e
       SET status           = 'SUCCEEDED',
           finished_at      = statement_timestamp(),
           duration_seconds = $6::float8
      FROM closed AS c
     WHERE e.execution_id = $2::bigint AND e.scheduled_for = $3::timestamptz AND e.schedule_id = $5::bigint
       AND e.fence = $4::int
 RETURNING e.execution_id, e.schedule_id, e.status
), counted AS (
    INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses)
    SELECT ARRAY[schedule_id], ARRAY[execution_id], ARRAY[status]
      FROM ended
)
SELECT execution_id
  FROM ended
