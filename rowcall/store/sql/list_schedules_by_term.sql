-- A page of the schedules that have the term $11 text, as ids, along schedule_terms: none of the others is read. With
-- $10, a client whose own are meant, come the static ones of all others; of other terms they are found like the rest.
-- $1 bigint: after this id · $2 int: at most so many · $3 text[]: statuses, DISABLED not among them. NULL leaves open:
-- $4 task_type · $5 schedule_type · $6 jsonb: labels with their values · $7 text[]: names of labels
-- $8 ILIKE pattern on name and description · $9 is_static · $10 text: what this client may see.
-- What a term promises is asked again here, because long terms are cut.
WITH of_term AS (
    SELECT s.schedule_id
      FROM rowcall.schedule_terms AS t
     CROSS JOIN LATERAL (
           SELECT one.schedule_id
             FROM rowcall.schedules AS one
            WHERE one.schedule_id = t.schedule_id
              AND one.status = ANY ($3::text[])
              AND ($4::text IS NULL OR one.task_type = $4)
              AND ($5::text IS NULL OR one.schedule_type = $5)
              AND ($6::jsonb IS NULL OR one.labels @> $6)
              AND ($7::text[] IS NULL OR one.labels ?& $7)
              AND ($8::text IS NULL OR one.name ILIKE $8 OR one.description ILIKE $8)
              AND ($9::boolean IS NULL OR one.is_static = $9)
              AND ($10::text IS NULL OR one.client_id = $10 OR one.is_static)
            LIMIT 1) AS s
     WHERE t.term = $11 AND t.schedule_id > $1
     ORDER BY t.schedule_id
     LIMIT $2::int
), of_others AS (
    SELECT s.schedule_id
      FROM rowcall.schedule_terms AS t
      JOIN rowcall.schedules AS s ON s.schedule_id = t.schedule_id
     WHERE t.term = 'static:' AND t.schedule_id > $1 AND s.is_static AND s.client_id <> $10
       AND s.status = ANY ($3::text[])
       AND ($4::text IS NULL OR s.task_type = $4)
       AND ($5::text IS NULL OR s.schedule_type = $5)
       AND ($6::jsonb IS NULL OR s.labels @> $6)
       AND ($7::text[] IS NULL OR s.labels ?& $7)
       AND ($8::text IS NULL OR s.name ILIKE $8 OR s.description ILIKE $8)
       AND ($9::boolean IS NULL OR s.is_static = $9)
     ORDER BY t.schedule_id
     LIMIT $2::int
)
SELECT found.schedule_id
  FROM (SELECT schedule_id FROM of_term UNION SELECT schedule_id FROM of_others) AS found
 ORDER BY found.schedule_id
 LIMIT $2::int
