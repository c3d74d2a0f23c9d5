-- Lock those of the schedules $1 bigint[] that nobody else has locked: nobody here waits while holding another's turn up.
SELECT s.schedule_id, s.max_instances
  FROM rowcall.schedules AS s
 WHERE s.schedule_id = ANY ($1::bigint[])
   FOR NO KEY UPDATE SKIP LOCKED
