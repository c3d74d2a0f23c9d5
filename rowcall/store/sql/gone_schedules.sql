-- Up to $1 int static schedules that are set aside because no worker declares them: their reason is like $2 text.
SELECT s.schedule_id, s.name, s.status_reason
  FROM rowcall.schedule_terms AS t
  JOIN rowcall.schedules AS s ON s.schedule_id = t.schedule_id
 WHERE t.term = 'static:' AND s.status = 'PAUSED' AND s.status_reason LIKE $2::text
 ORDER BY s.schedule_id
 LIMIT $1::int
