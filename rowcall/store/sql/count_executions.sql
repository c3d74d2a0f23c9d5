-- How the executions scheduled since $1 hours (int) ago ended, or how they stand.
SELECT e.status, count(*) AS executions
  FROM rowcall.schedule_executions AS e
 WHERE e.scheduled_for >= now() - make_interval(hours => $1::int)
 GROUP BY e.status
