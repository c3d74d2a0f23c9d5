-- ACTIVE schedules after id $1 bigint whose next occurrence hangs on the data of a time zone, and lies after
-- $2 timestamptz; up to $3 int of them.
SELECT s.schedule_id, s.client_id, s.name, s.schedule_type, s.cron_expression, s.cron_fields, s.interval_seconds,
       s.scheduled_time, s.timezone, s.starts_at, s.ends_at, s.jitter_seconds, s.max_executions, s.grace_period_seconds,
       s."coalesce", s.catch_up_limit, s.overlap_policy, s.max_instances, s.scheduled_runs, s.created_at,
       s.last_occurrence_at, s.next_occurrence_at, s.next_run_at, s.version
  FROM rowcall.schedules AS s
 WHERE s.schedule_id > $1::bigint AND s.status = 'ACTIVE' AND s.schedule_type = 'cron' AND s.timezone <> 'UTC'
   AND s.next_occurrence_at > $2::timestamptz AND s.next_run_at IS NOT NULL
 ORDER BY s.schedule_id
 LIMIT $3::int
