-- Disable the locked schedule $1 bigint, end its backfills, for the reason $2 text, and take the open rows of it away that
-- are queued: cancel_closed.sql goes on.
WITH ended AS (
    UPDATE rowcall.backfills AS b
       SET status = 'CANCELLED', status_reason = $2, finished_at = clock_timestamp()
     WHERE b.schedule_id = $1 AND b.status = 'RUNNING'
), disabled AS (
    UPDATE rowcall.schedules AS s
       SET status = 'DISABLED', status_reason = NULL
     WHERE s.schedule_id = $1
)
DELETE FROM rowcall.open_executions AS o
 WHERE o.schedule_id = $1 AND o.worker_id IS NULL
RETURNING o.execution_id, o.schedule_id, o.scheduled_for, o.fence
