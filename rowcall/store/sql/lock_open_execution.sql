-- Lock the open execution $1 bigint, so that it is neither claimed nor finished meanwhile; nothing, if it is final.
SELECT o.schedule_id, o.scheduled_for, o.worker_id, o.cancel_requested_at
  FROM rowcall.open_executions AS o
 WHERE o.execution_id = $1
   FOR UPDATE
