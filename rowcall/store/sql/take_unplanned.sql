-- Lock up to $2 int ACTIVE schedules without a next moment; $1 bigint[] names them, or NULL for any. Between the first and
-- the last of those named, so that one that is created while a hundred thousand wait to be planned is found at once.
SELECT s.schedule_id, s.client_id, s.name, s.schedule_type, s.cron_expression, s.cron_fields, s.interval_seconds,
       s.scheduled_time, s.timezone, s.starts_at, s.ends_at, s.jitter_seconds, s.max_executions, s.grace_period_seconds,
       s."coalesce", s.catch_up_limit, s.overlap_policy, s.max_instances, s.scheduled_runs, s.created_at,
       s.last_occurrence_at, s.next_occurrence_at, s.next_run_at, s.status
  FROM rowcall.schedules AS s
 WHERE s.status = 'ACTIVE' AND s.next_run_at IS NULL
   AND s.schedule_id >= coalesce((SELECT min(id) FROM unnest($1::bigint[]) AS id), -9223372036854775808)
   AND s.schedule_id <= coalesce((SELECT max(id) FROM unnest($1::bigint[]) AS id), 9223372036854775807)
   AND ($1::bigint[] IS NULL OR s.schedule_id = ANY ($1::bigint[]))
 ORDER BY s.schedule_id
 LIMIT $2::int
   FOR NO KEY UPDATE SKIP LOCKED
