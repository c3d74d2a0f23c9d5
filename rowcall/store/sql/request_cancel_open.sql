-- Ask for the end of what runs of the locked schedules $1 bigint[]. A run whose result is being written is stepped over,
-- because waiting for a row of the queue with schedules locked could be waiting for each other: it ends by itself, or is
-- queued again, and then overtaken.sql finds it.
WITH running AS MATERIALIZED (
    SELECT own.*
      FROM unnest($1::bigint[]) AS asked (schedule_id)
     CROSS JOIN LATERAL (
           SELECT o.execution_id, o.schedule_id, o.scheduled_for
             FROM rowcall.open_executions AS o
            WHERE o.schedule_id = asked.schedule_id AND o.worker_id IS NOT NULL AND o.cancel_requested_at IS NULL
              AND o.backfill_id IS NULL
              FOR NO KEY UPDATE SKIP LOCKED) AS own
), asked AS (
    UPDATE rowcall.open_executions AS o
       SET cancel_requested_at = statement_timestamp()
      FROM running AS r
     WHERE o.execution_id = r.execution_id
), marked AS (
    UPDATE rowcall.schedule_executions AS e
       SET cancel_requested_at = statement_timestamp()
      FROM running AS r
     WHERE e.execution_id = r.execution_id AND e.scheduled_for = r.scheduled_for AND e.schedule_id = r.schedule_id
)
SELECT pg_notify('rowcall', 'cancel') FROM running LIMIT 1
