-- Up to $1 int schedules that are answered for through a moment that lies ahead: the clock has gone back since. They run
-- when it has come there again.
SELECT s.schedule_id, s.name,
       'through ' || to_char(s.last_occurrence_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') AS status_reason
  FROM rowcall.schedules AS s
 WHERE s.status = 'ACTIVE' AND s.last_occurrence_at > now() + interval '1 minute'
 ORDER BY s.schedule_id
 LIMIT $1::int
