-- The runs of worker $1 bigint whose end was requested.
SELECT o.execution_id
  FROM rowcall.open_executions AS o
 WHERE o.worker_id = $1 AND o.cancel_requested_at IS NOT NULL
