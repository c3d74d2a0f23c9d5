-- Take the open rows of the locked backfill $1 bigint away that are queued: cancel_closed.sql goes on.
DELETE FROM rowcall.open_executions AS o
 WHERE o.backfill_id = $1 AND o.worker_id IS NULL
RETURNING o.execution_id, o.schedule_id, o.scheduled_for, o.fence
