-- Those of the schedules $1 bigint[] that were deleted.
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE s.schedule_id = ANY ($1::bigint[]) AND s.status = 'DISABLED'
