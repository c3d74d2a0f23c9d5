-- Each route that ACTIVE schedules need: whether a living worker has it, and how long the longest overdue of its
-- schedules has been due. The lanes are hopped through: the number of schedules does not matter.
SELECT lanes.route, min(due.next_run_at) AS next_run_at,
       extract(epoch FROM clock_timestamp() - min(due.next_run_at))::float8 AS due_for_seconds,
       EXISTS (SELECT FROM rowcall.workers AS w
                WHERE w.ended_at IS NULL AND lanes.route = ANY (w.routes)
                  AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()) AS routable
  FROM rowcall.lanes
  LEFT JOIN LATERAL (
       SELECT s.next_run_at FROM rowcall.schedules AS s
        WHERE s.status = 'ACTIVE' AND s.route = lanes.route AND s.priority = lanes.priority
          AND s.next_run_at IS NOT NULL
        ORDER BY s.next_run_at LIMIT 1) AS due ON true
 GROUP BY lanes.route
 ORDER BY lanes.route
