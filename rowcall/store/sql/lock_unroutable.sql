-- Lock those of the schedules $1 bigint[] that are past their grace, as far as nobody else holds them. $2 now or NULL.
-- Only ACTIVE ones have a next moment; to ask for that would let PostgreSQL look for them in the index of what is due.
SELECT s.schedule_id, s.client_id, s.name, s.schedule_type, s.cron_expression, s.cron_fields, s.interval_seconds,
       s.scheduled_time, s.timezone, s.starts_at, s.ends_at, s.jitter_seconds, s.max_executions, s.grace_period_seconds,
       s."coalesce", s.catch_up_limit, s.overlap_policy, s.max_instances, s.scheduled_runs, s.created_at,
       s.last_occurrence_at, s.next_occurrence_at, s.next_run_at, s.task_type, s.capability_required, s.route,
       EXISTS (SELECT FROM rowcall.workers AS w WHERE w.ended_at IS NULL AND s.route = ANY (w.routes)) AS routable,
       coalesce($2::timestamptz, clock_timestamp()) AS now
  FROM rowcall.schedules AS s
 WHERE s.schedule_id = ANY ($1::bigint[])
   AND s.next_run_at + make_interval(secs => s.grace_period_seconds) < coalesce($2::timestamptz, now())
   FOR NO KEY UPDATE OF s SKIP LOCKED
