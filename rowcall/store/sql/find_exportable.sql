-- The schedules of client $1 text, or of all, that are neither deleted nor static.
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE NOT s.is_static AND s.status <> 'DISABLED' AND ($1::text IS NULL OR s.client_id = $1)
 ORDER BY s.schedule_id
