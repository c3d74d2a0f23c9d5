-- Advance schedules, and for each write its RUNNING execution and the lease: the claim's one writing statement.
-- $1 worker bigint; the rest are arrays, one element a schedule: $2 schedule_id · $3 scheduled_for · $4 covers_after
-- $5 last_occurrence_at · $6 next_occurrence_at · $7 next_run_at · $8 counted runs int.
WITH planned AS (
    SELECT *
      FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
                  $7::timestamptz[], $8::int[])
        AS p (schedule_id, scheduled_for, covers_after, last_occurrence_at, next_occurrence_at, next_run_at, counted)
), advanced AS (
    UPDATE rowcall.schedules AS s
       SET next_occurrence_at = p.next_occurrence_at,
           next_run_at        = p.next_run_at,
           last_occurrence_at = p.last_occurrence_at,
           last_run_at        = statement_timestamp(),
           last_execution_id  = nextval('rowcall.execution_ids'),
           total_runs         = s.total_runs + 1,
           scheduled_runs     = s.scheduled_runs + p.counted
      FROM planned AS p
     WHERE s.schedule_id = p.schedule_id
 RETURNING s.schedule_id, s.last_execution_id AS execution_id, p.scheduled_for, p.covers_after, s.version, s.priority,
           s.task_type, s.capability_required, s.route, s.input_data
), recorded AS (
    INSERT INTO rowcall.schedule_executions
           (execution_id, schedule_id, scheduled_for, covers_after, executed_at, worker_id, schedule_version, attempt,
            fence, priority, trigger, status, task_type, capability_required, input_data)
    SELECT execution_id, schedule_id, scheduled_for, covers_after, statement_timestamp(), $1, version, 1,
           1, priority, 'schedule', 'RUNNING', task_type, capability_required, input_data
      FROM advanced
), leased AS (
    INSERT INTO rowcall.open_executions
           (execution_id, schedule_id, scheduled_for, worker_id, fence, priority, trigger, route)
    SELECT execution_id, schedule_id, scheduled_for, $1, 1, priority, 'schedule', route
      FROM advanced
)
SELECT schedule_id, execution_id, statement_timestamp() AS executed_at FROM advanced
