-- The schedule $1 bigint or, where that is NULL, the one that client $2 text calls $3 text among those not deleted, as far
-- as $4 client text may see it; NULL sees all. The columns are those of find_schedules.sql, and which transaction wrote it.
SELECT s.schedule_id, s.client_id, s.name, s.description, s.task_type, s.capability_required, s.input_data, s.priority,
       s.labels, s.schedule_type, s.cron_expression, s.cron_fields, s.interval_seconds, s.scheduled_time, s.timezone,
       s.starts_at, s.ends_at, s.jitter_seconds, s.status, s.status_reason, s.next_occurrence_at, s.next_run_at,
       s.last_occurrence_at, s.last_run_at, s.last_execution_id, s.last_status, s.total_runs, s.scheduled_runs,
       s.successful_runs, s.failed_runs, s.max_executions, s.grace_period_seconds, s."coalesce", s.catch_up_limit,
       s.overlap_policy, s.max_instances, s.timeout_seconds, s.max_retries, s.retry_backoff_seconds, s.callback_url,
       s.callback_events, s.is_static, s.source, s.created_at, s.updated_at, s.disabled_at, s.version, s.route,
       clock_timestamp() AS now, s.xmin AS written_by
  FROM rowcall.schedules AS s
 WHERE s.schedule_id = coalesce($1::bigint, (
           SELECT n.schedule_id
             FROM rowcall.schedule_names AS n
            WHERE n.client_id = $2::text AND n.name = $3::text))
   AND ($4::text IS NULL OR s.client_id = $4 OR s.is_static)
