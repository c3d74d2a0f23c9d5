-- How the executions of the client $2 text scheduled since $1 hours (int) ago ended, or how they stand: of its schedules
-- that are neither deleted nor static, each looked up along one_row_per_occurrence, and not in the wide rows of schedules.
SELECT e.status, count(*) AS executions
  FROM rowcall.schedule_names AS n
  JOIN rowcall.schedule_executions AS e
    ON e.schedule_id = n.schedule_id AND e.scheduled_for >= now() - make_interval(hours => $1::int)
 WHERE n.client_id = $2
   AND n.schedule_id <> ALL (ARRAY(SELECT t.schedule_id FROM rowcall.schedule_terms AS t WHERE t.term = 'static:'))
 GROUP BY e.status
