-- Lock the schedule $1 bigint, so that no claim and no other change comes between; its id, or nothing.
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE s.schedule_id = $1
   FOR NO KEY UPDATE
