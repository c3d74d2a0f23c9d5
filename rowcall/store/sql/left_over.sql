-- Whether anything is queued of those of the schedules $1 bigint[] that were deleted: one of them, or nothing.
SELECT o.schedule_id
  FROM rowcall.open_executions AS o
  JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id AND s.status = 'DISABLED'
 WHERE o.schedule_id = ANY ($1::bigint[]) AND o.worker_id IS NULL
 LIMIT 1
