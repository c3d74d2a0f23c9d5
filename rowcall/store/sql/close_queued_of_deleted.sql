-- Take the open rows away that are queued of those of the schedules $1 bigint[] that were deleted: cancel_closed.sql goes on.
DELETE FROM rowcall.open_executions AS o
 USING rowcall.schedules AS s
 WHERE o.schedule_id = ANY ($1::bigint[]) AND o.worker_id IS NULL
   AND s.schedule_id = o.schedule_id AND s.status = 'DISABLED'
RETURNING o.execution_id, o.schedule_id, o.scheduled_for, o.fence
