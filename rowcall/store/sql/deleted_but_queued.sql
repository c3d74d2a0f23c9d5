-- Up to $1 int deleted schedules of which something is queued all the same.
SELECT DISTINCT o.schedule_id
  FROM rowcall.open_executions AS o
  JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id
 WHERE o.worker_id IS NULL AND s.status = 'DISABLED'
 LIMIT $1::int
