-- The routes of the client $1 text with something due, the oldest first, and how many live workers offer each; static
-- schedules aside.
-- Of a client that has few, each is looked at. Of one with many, what is due is, whosever it is: that is less, unless
-- everybody is behind.
WITH own AS MATERIALIZED (
    SELECT n.schedule_id FROM rowcall.schedule_names AS n WHERE n.client_id = $1 LIMIT 1001
), few AS MATERIALIZED (
    SELECT count(*) <= 1000 AS are_all FROM own
), due AS (
    SELECT s.route, s.next_run_at AS due_since
      FROM own AS o
      JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id
     WHERE (SELECT are_all FROM few) AND NOT s.is_static AND s.status = 'ACTIVE' AND s.next_run_at <= now()
    UNION ALL
    SELECT s.route, s.next_run_at
      FROM rowcall.lanes AS l
      JOIN rowcall.schedules AS s ON s.status = 'ACTIVE' AND s.route = l.route AND s.priority = l.priority
     WHERE NOT (SELECT are_all FROM few) AND s.next_run_at <= now() AND s.client_id = $1 AND NOT s.is_static
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
