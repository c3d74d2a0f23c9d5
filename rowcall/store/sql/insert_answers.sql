-- Record occurrences that don't run now: SKIPPED and MISSED, final at once, or QUEUED behind an open execution.
-- Arrays, one element a row: $1 schedule_id · $2 status · $3 scheduled_for · $4 covers_after · $5 reason.
WITH answers AS (
    SELECT nextval('rowcall.execution_ids') AS execution_id, a.*
      FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[])
        AS a (schedule_id, status, scheduled_for, covers_after, reason)
), recorded AS (
    INSERT INTO rowcall.schedule_executions
           (execution_id, schedule_id, scheduled_for, covers_after, finished_at, schedule_version, priority, trigger,
            status, task_type, capability_required, reason, input_data)
    SELECT a.execution_id, a.schedule_id, a.scheduled_for, a.covers_after,
           CASE WHEN a.status <> 'QUEUED' THEN statement_timestamp() END, s.version, s.priority, 'schedule',
           a.status, s.task_type, s.capability_required, a.reason, s.input_data
      FROM answers AS a
      JOIN rowcall.schedules AS s ON s.schedule_id = a.schedule_id
), waiting AS (
    INSERT INTO rowcall.open_executions (execution_id, schedule_id, scheduled_for, priority, trigger, route)
    SELECT a.execution_id, a.schedule_id, a.scheduled_for, s.priority, 'schedule', s.route
      FROM answers AS a
      JOIN rowcall.schedules AS s ON s.schedule_id = a.schedule_id
     WHERE a.status = 'QUEUED'
)
SELECT a.execution_id, a.schedule_id, s.name, s.client_id, a.status, a.scheduled_for, a.reason,
       s.callback_url IS NOT NULL AS tells
  FROM answers AS a
  JOIN rowcall.schedules AS s ON s.schedule_id = a.schedule_id
