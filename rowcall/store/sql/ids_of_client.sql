-- The schedules of the client $1 text, deleted ones too, as ids, at most $2 int; $3 boolean: static ones are left out.
-- Those that are deleted are looked for among all that are: schedule_names has none of them.
SELECT n.schedule_id
  FROM rowcall.schedule_names AS n
  JOIN rowcall.schedules AS s ON s.schedule_id = n.schedule_id
 WHERE n.client_id = $1 AND NOT ($3::boolean AND s.is_static)
 UNION ALL
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE s.status <> 'ACTIVE' AND s.status = 'DISABLED' AND s.client_id = $1 AND NOT ($3::boolean AND s.is_static)
 LIMIT $2::int
