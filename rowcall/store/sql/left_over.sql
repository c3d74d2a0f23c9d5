-- Whether anything is queued of those of the schedules $1 bigint[] that were deleted: one of them, or nothing.
-- Whether one was is asked where something is queued; a join would begin with all that ever were.
SELECT o.schedule_id
  FROM rowcall.open_executions AS o
 WHERE o.schedule_id = ANY ($1::bigint[]) AND o.worker_id IS NULL
   AND (SELECT s.status FROM rowcall.schedules AS s WHERE s.schedule_id = o.schedule_id) = 'DISABLED'
 LIMIT 1
