-- Lock the schedule $1 bigint or, where that is NULL, the one that client $2 text calls $3 text among those not deleted, so
-- that no claim and no other change comes between: everything that people and programs see of it, as it is from then on.
-- Nobody waits for a row that $4 client text may not see; NULL sees all.
WITH locked AS MATERIALIZED (
    SELECT s.*
      FROM rowcall.schedules AS s
     WHERE s.schedule_id = coalesce($1::bigint, (
               SELECT n.schedule_id
                 FROM rowcall.schedule_names AS n
                WHERE n.client_id = $2::text AND n.name = $3::text))
       AND ($4::text IS NULL OR s.client_id = $4 OR s.is_static)
       FOR NO KEY UPDATE OF s
)
SELECT l.schedule_id, l.client_id, l.name, l.description, l.task_type, l.capability_required, l.input_data, l.priority,
       l.labels, l.schedule_type, l.cron_expression, l.cron_fields, l.interval_seconds, l.scheduled_time, l.timezone,
       l.starts_at, l.ends_at, l.jitter_seconds, l.status, l.status_reason, l.next_occurrence_at, l.next_run_at,
       l.last_occurrence_at, l.last_run_at, l.last_execution_id, l.last_status, l.total_runs, l.scheduled_runs,
       l.successful_runs, l.failed_runs, l.max_executions, l.grace_period_seconds, l."coalesce", l.catch_up_limit,
       l.overlap_policy, l.max_instances, l.timeout_seconds, l.max_retries, l.retry_backoff_seconds, l.callback_url,
       l.callback_events, l.is_static, l.source, l.created_at, l.updated_at, l.disabled_at, l.version, l.route,
       clock_timestamp() AS now
  FROM locked AS l
