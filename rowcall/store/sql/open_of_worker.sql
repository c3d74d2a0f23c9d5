-- What runs in the name of worker $1 bigint, to be held against what it knows.
SELECT o.execution_id, o.schedule_id, o.scheduled_for, o.fence, o.cancel_requested_at
  FROM rowcall.open_executions AS o
 WHERE o.worker_id = $1
