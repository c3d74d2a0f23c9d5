-- The schedules of the client $1 text, deleted ones too, as ids, at most $2 int; $3 boolean: static ones are left out.
-- Those that are deleted are looked for among all that are: schedules_name_taken has none of them.
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE s.client_id = $1 AND s.status <> 'DISABLED' AND NOT ($3::boolean AND s.is_static)
 UNION ALL
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE s.status <> 'ACTIVE' AND s.status = 'DISABLED' AND s.client_id = $1 AND NOT ($3::boolean AND s.is_static)
 LIMIT $2::int
