-- The id of the schedule that client $1 text calls $2 text, among those not deleted, as far as $3 client text may see it;
-- NULL sees all.
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE s.client_id = $1 AND s.name = $2 AND s.status <> 'DISABLED'
   AND ($3::text IS NULL OR s.client_id = $3 OR s.is_static)
