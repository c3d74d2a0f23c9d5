-- A page of schedules that are not ACTIVE, as ids: one probe of schedules_not_due per status, however many are ACTIVE.
-- $1 bigint: after this id · $2 int: at most so many · $3 text[]: statuses. NULL leaves open: $4 task_type · $5 schedule_type
-- $6 jsonb: labels with their values · $7 text[]: names of labels · $8 ILIKE pattern on name and description · $9 is_static
-- $10 text: what this client may see, its own and the static ones.
SELECT found.schedule_id
  FROM unnest($3::text[]) AS wanted (status)
 CROSS JOIN LATERAL (
       SELECT s.schedule_id
         FROM rowcall.schedules AS s
        WHERE s.schedule_id > $1 AND s.status <> 'ACTIVE' AND s.status = wanted.status
          AND ($4::text IS NULL OR s.task_type = $4)
          AND ($5::text IS NULL OR s.schedule_type = $5)
          AND ($6::jsonb IS NULL OR s.labels @> $6)
          AND ($7::text[] IS NULL OR s.labels ?& $7)
          AND ($8::text IS NULL OR s.name ILIKE $8 OR s.description ILIKE $8)
          AND ($9::boolean IS NULL OR s.is_static = $9)
          AND ($10::text IS NULL OR s.client_id = $10 OR s.is_static)
        ORDER BY s.schedule_id
        LIMIT $2::int) AS found
 ORDER BY found.schedule_id
 LIMIT $2::int
