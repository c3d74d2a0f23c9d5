-- Take the open row of the locked execution $1 bigint away, which is queued: cancel_closed.sql goes on.
DELETE FROM rowcall.open_executions AS o
 WHERE o.execution_id = $1 AND o.worker_id IS NULL
RETURNING o.execution_id, o.schedule_id, o.scheduled_for, o.fence
