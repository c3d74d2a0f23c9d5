-- Make one locked queued execution RUNNING, as take_runs.sql does many: found by its keys, so that its plan may be kept.
-- $1 worker bigint · $2 execution_id bigint · $3 scheduled_for timestamptz · $4 schedule_id bigint · $5 fence int
WITH leased AS (
    UPDATE rowcall.open_executions AS o
       SET worker_id = $1::bigint, available_at = NULL, fence = o.fence + 1
     WHERE o.execution_id = $2::bigint
), started AS (
    UPDATE rowcall.schedule_executions AS e
       SET status = 'RUNNING', worker_id = $1::bigint, available_at = NULL, executed_at = statement_timestamp(),
           attempt = e.attempt + 1, fence = $5::int + 1
     WHERE e.execution_id = $2::bigint AND e.scheduled_for = $3::timestamptz AND e.schedule_id = $4::bigint
 RETURNING e.execution_id, e.schedule_id, e.scheduled_for, e.executed_at, e.attempt, e.fence, e.task_type, e.input_data
), counted AS (
    UPDATE rowcall.schedules AS s
       SET total_runs = s.total_runs + 1,
           last_run_at = statement_timestamp(),
           last_execution_id = $2::bigint
     WHERE s.schedule_id = $4::bigint AND (SELECT fence FROM started) = 1
)
SELECT execution_id, schedule_id, scheduled_for, executed_at, attempt, fence, task_type, input_data
  FROM started
