-- The routes of the client $1 text with something due, the oldest first, and how many live workers offer each; static
-- schedules aside.
WITH due AS (
    SELECT s.route, s.next_run_at AS due_since
      FROM rowcall.schedule_names AS n
      JOIN rowcall.schedules AS s ON s.schedule_id = n.schedule_id
     WHERE n.client_id = $1 AND NOT s.is_static AND s.next_run_at <= now()
    UNION ALL
    SELECT o.route, o.available_at
      FROM rowcall.open_executions AS o
      JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id
     WHERE o.available_at <= now() AND s.client_id = $1 AND NOT s.is_static
)
SELECT d.route, min(d.due_since) AS due_since, extract(epoch FROM now() - min(d.due_since))::float8 AS due_for_seconds,
       (SELECT count(*)
          FROM rowcall.workers AS w
         WHERE w.ended_at IS NULL AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()
           AND d.route = ANY (w.routes))::int AS live_workers
  FROM due AS d
 GROUP BY d.route
 ORDER BY min(d.due_since)
