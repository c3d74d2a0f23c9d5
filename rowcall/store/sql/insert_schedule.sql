-- A new schedule of the definition $1 jsonb, its columns by name; $2 is_static boolean, $3 source text. $4 created_at, $5
-- next_occurrence_at and $6 next_run_at, timestamptz: where it is planned already, or NULL. $7 text: who does it, or NULL
-- where that is known. Everything that people and programs see of it.
INSERT INTO rowcall.schedules AS s
       (client_id, name, description, task_type, capability_required, input_data, priority, labels, schedule_type,
        cron_expression, cron_fields, interval_seconds, scheduled_time, timezone, starts_at, ends_at, jitter_seconds,
        max_executions, grace_period_seconds, "coalesce", catch_up_limit, overlap_policy, max_instances,
        timeout_seconds, max_retries, retry_backoff_seconds, callback_url, callback_events, is_static, source,
        created_at, next_occurrence_at, next_run_at)
SELECT d.client_id, d.name, d.description, d.task_type, d.capability_required, d.input_data, d.priority, d.labels,
       d.schedule_type, d.cron_expression, d.cron_fields, d.interval_seconds, d.scheduled_time, d.timezone, d.starts_at,
       d.ends_at, d.jitter_seconds, d.max_executions, d.grace_period_seconds, d."coalesce", d.catch_up_limit,
       d.overlap_policy, d.max_instances, d.timeout_seconds, d.max_retries, d.retry_backoff_seconds, d.callback_url,
       d.callback_events, $2::boolean, $3::text, coalesce($4::timestamptz, now()), $5::timestamptz, $6::timestamptz
  FROM jsonb_to_record($1::jsonb) AS d (
        client_id text, name text, description text, task_type text, capability_required text, input_data jsonb,
        priority smallint, labels jsonb, schedule_type text, cron_expression text, cron_fields jsonb,
        interval_seconds bigint, scheduled_time timestamptz, timezone text, starts_at timestamptz, ends_at timestamptz,
        jitter_seconds integer, max_executions bigint, grace_period_seconds bigint, "coalesce" text,
        catch_up_limit integer, overlap_policy text, max_instances integer, timeout_seconds double precision,
        max_retries integer, retry_backoff_seconds double precision, callback_url text, callback_events text[])
 WHERE $7::text IS NULL OR set_config('rowcall.who', $7, true) = $7
RETURNING s.schedule_id, s.client_id, s.name, s.description, s.task_type, s.capability_required, s.input_data,
          s.priority, s.labels, s.schedule_type, s.cron_expression, s.cron_fields, s.interval_seconds,
          s.scheduled_time, s.timezone, s.starts_at, s.ends_at, s.jitter_seconds, s.status, s.status_reason,
          s.next_occurrence_at, s.next_run_at, s.last_occurrence_at, s.last_run_at, s.last_execution_id, s.last_status,
          s.total_runs, s.scheduled_runs, s.successful_runs, s.failed_runs, s.max_executions, s.grace_period_seconds,
          s."coalesce", s.catch_up_limit, s.overlap_policy, s.max_instances, s.timeout_seconds, s.max_retries,
          s.retry_backoff_seconds, s.callback_url, s.callback_events, s.is_static, s.source, s.created_at,
          s.updated_at, s.disabled_at, s.version, s.route, clock_timestamp() AS now
