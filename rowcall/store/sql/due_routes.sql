-- The routes with something due, the oldest first, and how many live workers offer each.
-- The lanes are hopped through, so that the number of schedules does not matter.
WITH due AS (
    SELECT l.route, first.next_run_at AS due_since
      FROM rowcall.lanes AS l
     CROSS JOIN LATERAL (
           SELECT s.next_run_at FROM rowcall.schedules AS s
            WHERE s.status = 'ACTIVE' AND s.route = l.route AND s.priority = l.priority AND s.next_run_at <= now()
            ORDER BY s.next_run_at LIMIT 1) AS first
    UNION ALL
    SELECT o.route, o.available_at
      FROM rowcall.open_executions AS o
     WHERE o.available_at <= now()
)
SELECT d.route, min(d.due_since) AS due_since, extract(epoch FROM now() - min(d.due_since))::float8 AS due_for_seconds,
       (SELECT count(*)
          FROM rowcall.workers AS w
         WHERE w.ended_at IS NULL AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()
           AND d.route = ANY (w.routes))::int AS live_workers
  FROM due AS d
 GROUP BY d.route
 ORDER BY min(d.due_since)
