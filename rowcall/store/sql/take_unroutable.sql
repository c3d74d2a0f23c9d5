-- Lock up to $2 int schedules past their grace in lanes that this replica can't run; $1 its routes text[].
-- The lanes are found by hopping through the index, so that the number of schedules does not matter. $3 now or NULL.
WITH RECURSIVE lanes AS (
    (SELECT s.route, s.priority FROM rowcall.schedules AS s
      WHERE s.status = 'ACTIVE' ORDER BY s.route, s.priority LIMIT 1)
    UNION ALL
    SELECT after.route, after.priority
      FROM lanes AS l
     CROSS JOIN LATERAL (
           SELECT s.route, s.priority FROM rowcall.schedules AS s
            WHERE s.status = 'ACTIVE' AND (s.route, s.priority) > (l.route, l.priority)
            ORDER BY s.route, s.priority LIMIT 1) AS after
)
SELECT s.schedule_id, s.client_id, s.name, s.schedule_type, s.cron_expression, s.cron_fields, s.interval_seconds,
       s.scheduled_time, s.timezone, s.starts_at, s.ends_at, s.jitter_seconds, s.max_executions, s.grace_period_seconds,
       s."coalesce", s.catch_up_limit, s.overlap_policy, s.max_instances, s.scheduled_runs, s.created_at,
       s.last_occurrence_at, s.next_occurrence_at, s.next_run_at, s.task_type, s.capability_required, s.route,
       EXISTS (SELECT FROM rowcall.workers AS w WHERE w.ended_at IS NULL AND s.route = ANY (w.routes)) AS routable,
       coalesce($3::timestamptz, clock_timestamp()) AS now
  FROM lanes
 CROSS JOIN LATERAL (
       SELECT due.*
         FROM rowcall.schedules AS due
        WHERE due.status = 'ACTIVE' AND due.route = lanes.route AND due.priority = lanes.priority
          AND due.next_run_at <= coalesce($3::timestamptz, now())
          AND due.next_run_at + make_interval(secs => due.grace_period_seconds) < coalesce($3::timestamptz, now())
        ORDER BY due.next_run_at
        LIMIT $2::int
          FOR NO KEY UPDATE SKIP LOCKED) AS s
 WHERE lanes.route <> ALL ($1::text[])
 LIMIT $2::int
