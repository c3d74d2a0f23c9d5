-- All that planning asks of the schedules $1 bigint[], which claim_due.sql has locked, in the order given. What a claim
-- holds stands last, as there.
SELECT s.schedule_type, s.cron_expression, s.cron_fields, s.interval_seconds, s.scheduled_time, s.timezone, s.starts_at,
       s.ends_at, s.jitter_seconds, s.max_executions, s.grace_period_seconds, s."coalesce", s.catch_up_limit,
       s.overlap_policy, s.max_instances, s.scheduled_runs, s.created_at, s.last_occurrence_at, s.next_occurrence_at,
       s.next_run_at,
       s.schedule_id, s.name, s.client_id, s.task_type, s.input_data, s.timeout_seconds, s.max_retries,
       s.retry_backoff_seconds, s.callback_url IS NOT NULL AS tells
  FROM unnest($1::bigint[]) WITH ORDINALITY AS locked (schedule_id, place)
  JOIN rowcall.schedules AS s ON s.schedule_id = locked.schedule_id
 ORDER BY locked.place
