-- The static schedules of source $1 text that are not deleted.
SELECT s.schedule_id, s.client_id, s.name
  FROM rowcall.schedule_terms AS t
  JOIN rowcall.schedules AS s ON s.schedule_id = t.schedule_id
 WHERE t.term = 'static:' AND s.source = $1::text
