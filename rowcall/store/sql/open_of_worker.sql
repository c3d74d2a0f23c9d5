-- What runs in the name of worker $1 bigint, to be held against what it knows.
SELECT o.execution_id, o.scheduled_for, o.fence
  FROM rowcall.open_executions AS o
 WHERE o.worker_id = $1
