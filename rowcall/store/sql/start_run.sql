-- Start the run of one schedule that goes straight on, unless something of it is open, as start_runs.sql does for many:
-- found by its key, whatever the tables hold, so that its plan may be kept.
-- $1 worker bigint · $2 schedule bigint · $3 covers_after timestamptz · $4 timestamptz: what is next, and when it runs.
-- $5 timestamptz or NULL: it runs no earlier than that. The transaction, which may be older than the occurrence, and even
-- this statement may come before it is due, if they are not committed before: what is written down is the later moment.
WITH advanced AS (
    UPDATE rowcall.schedules AS s
       SET next_occurrence_at = $4::timestamptz,
           next_run_at        = $4::timestamptz,
           last_occurrence_at = s.next_occurrence_at,
           last_run_at        = greatest(statement_timestamp(), $5::timestamptz),
           last_execution_id  = nextval('rowcall.execution_ids'),
           total_runs         = s.total_runs + 1,
           scheduled_runs     = s.scheduled_runs + 1
     WHERE s.schedule_id = $2::bigint
       AND (SELECT o.execution_id FROM rowcall.open_executions AS o
             WHERE o.schedule_id = $2::bigint AND o.backfill_id IS NULL
             LIMIT 1) IS NULL
 RETURNING s.schedule_id, s.last_execution_id AS execution_id, s.last_occurrence_at AS scheduled_for, s.version,
           s.priority, s.task_type, s.capability_required, s.route, s.input_data
), recorded AS (
    INSERT INTO rowcall.schedule_executions
           (execution_id, schedule_id, scheduled_for, covers_after, created_at, executed_at, worker_id,
            schedule_version, attempt, fence, priority, trigger, status, task_type, capability_required, input_data)
    SELECT execution_id, schedule_id, scheduled_for, $3::timestamptz, greatest(statement_timestamp(), $5::timestamptz), greatest(statement_timestamp(), $5::timestamptz),
           $1::bigint, version, 1, 1, priority, 'schedule', 'RUNNING', task_type, capability_required, input_data
      FROM advanced
), leased AS (
    INSERT INTO rowcall.open_executions
           (execution_id, schedule_id, scheduled_for, worker_id, fence, priority, trigger, route)
    SELECT execution_id, schedule_id, scheduled_for, $1::bigint, 1, priority, 'schedule', route
      FROM advanced
)
SELECT execution_id, greatest(statement_timestamp(), $5::timestamptz) AS executed_at
  FROM advanced
