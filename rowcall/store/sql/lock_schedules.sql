-- Lock the schedules $1 bigint[] in order of their ids, so that no claim and no other change comes between.
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE s.schedule_id = ANY ($1::bigint[])
 ORDER BY s.schedule_id
   FOR NO KEY UPDATE
