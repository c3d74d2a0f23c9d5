-- Take the open rows of the locked schedules $1 bigint[] away that are queued and do not wait for another of them: retries,
-- and what was not claimed yet. After request_cancel_open.sql, so that what is put back meanwhile is seen; cancel_closed.sql
-- goes on.
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
)
SELECT q.execution_id, q.schedule_id, q.scheduled_for, q.fence FROM queued AS q
