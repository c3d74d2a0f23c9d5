-- Up to $1 int schedules that are not deleted, each with its rule in words of its own, and its last success.
SELECT s.client_id, s.name, s.timezone, s.overlap_policy, s.status, s.next_run_at, l.last_success_at,
       coalesce(s.cron_expression, s.cron_fields::text, 'every ' || s.interval_seconds || ' s', 'once') AS rule
  FROM rowcall.schedules AS s
  LEFT JOIN LATERAL (
       SELECT r.finished_at AS last_success_at
         FROM (SELECT e.finished_at, e.status FROM rowcall.schedule_executions AS e
                WHERE e.schedule_id = s.schedule_id ORDER BY e.scheduled_for DESC LIMIT 100) AS r
        WHERE r.status = 'SUCCEEDED' LIMIT 1) AS l ON true
 WHERE s.status <> 'DISABLED'
 ORDER BY s.schedule_id
 LIMIT $1::int
