-- How the executions of the client $2 text scheduled since $1 hours (int) ago ended, or how they stand: of its schedules
-- that are neither deleted nor static, each looked up along one_row_per_occurrence.
SELECT e.status, count(*) AS executions
  FROM rowcall.schedule_names AS n
  JOIN rowcall.schedules AS s ON s.schedule_id = n.schedule_id
  JOIN rowcall.schedule_executions AS e
    ON e.schedule_id = s.schedule_id AND e.scheduled_for >= now() - make_interval(hours => $1::int)
 WHERE n.client_id = $2 AND NOT s.is_static
 GROUP BY e.status
