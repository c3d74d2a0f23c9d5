-- The schedules of client $1 text, or of all, that are neither deleted nor static.
SELECT s.schedule_id
  FROM rowcall.schedule_names AS n
  JOIN rowcall.schedules AS s ON s.schedule_id = n.schedule_id
 WHERE NOT s.is_static AND ($1::text IS NULL OR n.client_id = $1)
 ORDER BY s.schedule_id
