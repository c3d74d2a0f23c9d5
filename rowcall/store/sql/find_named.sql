-- The schedules that are not deleted of the clients $1 text[] with the names $2 text[], one each.
SELECT s.schedule_id
  FROM unnest($1::text[], $2::text[]) AS wanted (client_id, name)
  JOIN rowcall.schedules AS s
    ON s.client_id = wanted.client_id AND s.name = wanted.name AND s.status <> 'DISABLED'
 ORDER BY s.schedule_id
