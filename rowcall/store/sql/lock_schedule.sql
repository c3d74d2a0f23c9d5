-- Lock the schedule $1 bigint, so that no claim and no other change comes between; its id, or nothing. Nobody waits for
-- a row that $2 client text may not see; NULL sees all.
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE s.schedule_id = $1
   AND ($2::text IS NULL OR s.client_id = $2 OR s.is_static)
   FOR NO KEY UPDATE
