-- Those of the schedules $1 bigint[] that have a waiting execution.
SELECT DISTINCT o.schedule_id
  FROM rowcall.open_executions AS o
 WHERE o.schedule_id = ANY ($1::bigint[]) AND o.worker_id IS NULL AND o.available_at IS NULL
