-- Give the schedule $1 bigint the definition $2 jsonb, its columns by name. The client stays: it is part of the identity.
-- $3 xid: only if it is still as that transaction wrote it; $4 text: who does it; NULL where it is locked, and that is
-- known. Everything that people and programs see of it, not planned anew.
UPDATE rowcall.schedules AS s
   SET name = d.name, description = d.description, task_type = d.task_type, capability_required = d.capability_required,
       input_data = d.input_data, priority = d.priority, labels = d.labels, schedule_type = d.schedule_type,
       cron_expression = d.cron_expression, cron_fields = d.cron_fields, interval_seconds = d.interval_seconds,
       scheduled_time = d.scheduled_time, timezone = d.timezone, starts_at = d.starts_at, ends_at = d.ends_at,
       jitter_seconds = d.jitter_seconds, max_executions = d.max_executions,
       grace_period_seconds = d.grace_period_seconds, "coalesce" = d."coalesce", catch_up_limit = d.catch_up_limit,
       overlap_policy = d.overlap_policy, max_instances = d.max_instances, timeout_seconds = d.timeout_seconds,
       max_retries = d.max_retries, retry_backoff_seconds = d.retry_backoff_seconds, callback_url = d.callback_url,
       callback_events = d.callback_events
  FROM jsonb_to_record($2::jsonb) AS d (
        client_id text, name text, description text, task_type text, capability_required text, input_data jsonb,
        priority smallint, labels jsonb, schedule_type text, cron_expression text, cron_fields jsonb,
        interval_seconds bigint, scheduled_time timestamptz, timezone text, starts_at timestamptz, ends_at timestamptz,
        jitter_seconds integer, max_executions bigint, grace_period_seconds bigint, "coalesce" text,
        catch_up_limit integer, overlap_policy text, max_instances integer, timeout_seconds double precision,
        max_retries integer, retry_backoff_seconds double precision, callback_url text, callback_events text[])
 WHERE s.schedule_id = $1
   AND ($3::xid IS NULL OR s.xmin = $3)
   AND ($4::text IS NULL OR set_config('rowcall.who', $4, true) = $4)
RETURNING s.schedule_id, s.client_id, s.name, s.description, s.task_type, s.capability_required, s.input_data,
          s.priority, s.labels, s.schedule_type, s.cron_expression, s.cron_fields, s.interval_seconds,
          s.scheduled_time, s.timezone, s.starts_at, s.ends_at, s.jitter_seconds, s.status, s.status_reason,
          s.next_occurrence_at, s.next_run_at, s.last_occurrence_at, s.last_run_at, s.last_execution_id, s.last_status,
          s.total_runs, s.scheduled_runs, s.successful_runs, s.failed_runs, s.max_executions, s.grace_period_seconds,
          s."coalesce", s.catch_up_limit, s.overlap_policy, s.max_instances, s.timeout_seconds, s.max_retries,
          s.retry_backoff_seconds, s.callback_url, s.callback_events, s.is_static, s.source, s.created_at,
          s.updated_at, s.disabled_at, s.version, s.route, clock_timestamp() AS now
