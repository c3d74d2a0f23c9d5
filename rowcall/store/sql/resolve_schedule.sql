-- The id of the schedule that client $1 text calls $2 text, among those not deleted, as far as $3 client text may see it;
-- NULL sees all.
SELECT n.schedule_id
  FROM rowcall.schedule_names AS n
 WHERE n.client_id = $1 AND n.name = $2
   AND ($3::text IS NULL OR n.client_id = $3
        OR EXISTS (SELECT FROM rowcall.schedules AS s WHERE s.schedule_id = n.schedule_id AND s.is_static))
