-- The schedules that are not deleted of the clients $1 text[] with the names $2 text[], one each.
SELECT n.schedule_id
  FROM unnest($1::text[], $2::text[]) AS wanted (client_id, name)
  JOIN rowcall.schedule_names AS n
    ON n.client_id = wanted.client_id AND n.name = wanted.name
 ORDER BY n.schedule_id
