-- Advance schedules, and for each write its RUNNING execution and the lease: the claim's one writing statement.
-- $1 worker bigint; the rest are arrays, one element a schedule: $2 schedule_id · $3 covers_after · $4 next_run_at.
-- $5 scheduled_for · $6 last_occurrence_at · $7 next_occurrence_at · $8 counted runs int: only of the first ones, those
-- with a plan. Those after them go straight on: what starts is the next occurrence, and what is next is when it runs;
-- unless something of theirs is open, backfills aside. Then they are left as they are. That is probed one by one: a join
-- would have PostgreSQL read all that is open.
WITH planned AS (
    SELECT *
      FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
                  $7::timestamptz[], $8::int[])
        AS p (schedule_id, covers_after, next_run_at, scheduled_for, last_occurrence_at, next_occurrence_at, counted)
), advanced AS (
    UPDATE rowcall.schedules AS s
       SET next_occurrence_at = CASE WHEN p.scheduled_for IS NULL THEN p.next_run_at ELSE p.next_occurrence_at END,
           next_run_at        = p.next_run_at,
           last_occurrence_at = coalesce(p.last_occurrence_at, s.next_occurrence_at),
           last_run_at        = statement_timestamp(),
           last_execution_id  = nextval('rowcall.execution_ids'),
           total_runs         = s.total_runs + 1,
           scheduled_runs     = s.scheduled_runs + coalesce(p.counted, 1)
      FROM planned AS p
     WHERE s.schedule_id = p.schedule_id
       AND (p.scheduled_for IS NOT NULL
            OR (SELECT o.execution_id FROM rowcall.open_executions AS o
                 WHERE o.schedule_id = p.schedule_id AND o.backfill_id IS NULL
                 LIMIT 1) IS NULL)
 RETURNING s.schedule_id, s.last_execution_id AS execution_id,
           coalesce(p.scheduled_for, s.last_occurrence_at) AS scheduled_for, p.covers_after, s.version, s.priority,
           s.task_type, s.capability_required, s.route, s.input_data
), recorded AS (
    INSERT INTO rowcall.schedule_executions
           (execution_id, schedule_id, scheduled_for, covers_after, created_at, executed_at, worker_id,
            schedule_version, attempt, fence, priority, trigger, status, task_type, capability_required, input_data)
    SELECT execution_id, schedule_id, scheduled_for, covers_after, statement_timestamp(), statement_timestamp(), $1,
           version, 1, 1, priority, 'schedule', 'RUNNING', task_type, capability_required, input_data
      FROM advanced
), leased AS (
    INSERT INTO rowcall.open_executions
           (execution_id, schedule_id, scheduled_for, worker_id, fence, priority, trigger, route)
    SELECT execution_id, schedule_id, scheduled_for, $1, 1, priority, 'schedule', route
      FROM advanced
)
SELECT coalesce(array_agg(schedule_id), '{}') AS schedule_ids, coalesce(array_agg(execution_id), '{}') AS execution_ids,
       statement_timestamp() AS executed_at
  FROM advanced
