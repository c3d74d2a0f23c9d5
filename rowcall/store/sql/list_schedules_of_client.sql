-- A page of what the client $10 text may see, as ids, where it has few schedules: they are taken through
-- schedules_name_taken, which has none that are deleted. With them come the static ones of all others.
-- $1 bigint: after this id · $2 int: at most so many · $3 text[]: statuses. NULL leaves open: $4 task_type · $5 schedule_type
-- $6 jsonb: labels with their values · $7 text[]: names of labels · $8 ILIKE pattern on name and description · $9 is_static.
WITH own AS MATERIALIZED (
    SELECT s.schedule_id, s.status, s.task_type, s.schedule_type, s.labels, s.name, s.description, s.is_static
      FROM rowcall.schedules AS s
     WHERE s.client_id = $10 AND s.status <> 'DISABLED'
), of_others AS MATERIALIZED (
    SELECT s.schedule_id, s.status, s.task_type, s.schedule_type, s.labels, s.name, s.description, s.is_static
      FROM rowcall.schedules AS s
     WHERE s.is_static AND s.client_id <> $10 AND s.schedule_id > $1
)
SELECT found.schedule_id
  FROM (SELECT * FROM own UNION ALL SELECT * FROM of_others) AS found
 WHERE found.schedule_id > $1
   AND found.status = ANY ($3::text[])
   AND ($4::text IS NULL OR found.task_type = $4)
   AND ($5::text IS NULL OR found.schedule_type = $5)
   AND ($6::jsonb IS NULL OR found.labels @> $6)
   AND ($7::text[] IS NULL OR found.labels ?& $7)
   AND ($8::text IS NULL OR found.name ILIKE $8 OR found.description ILIKE $8)
   AND ($9::boolean IS NULL OR found.is_static = $9)
 ORDER BY found.schedule_id
 LIMIT $2::int
