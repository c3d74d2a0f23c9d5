-- Make locked queued executions RUNNING, and give each its lease; what has to be known of each to run it.
-- $1 worker bigint; arrays, one element an execution: $2 execution_id · $3 scheduled_for · $4 schedule_id · $5 fence.
-- $6 and $7 are the first and the last of $3: PostgreSQL plans for the days between them alone.
WITH taken AS MATERIALIZED (
    SELECT *
      FROM unnest($2::bigint[], $3::timestamptz[], $4::bigint[], $5::int[])
        AS t (execution_id, scheduled_for, schedule_id, fence)
), leased AS (
    UPDATE rowcall.open_executions AS o
       SET worker_id = $1::bigint, available_at = NULL, fence = o.fence + 1
      FROM taken AS t
     WHERE o.execution_id = t.execution_id
), started AS (
    UPDATE rowcall.schedule_executions AS e
       SET status = 'RUNNING', worker_id = $1::bigint, available_at = NULL, executed_at = statement_timestamp(),
           attempt = e.attempt + 1, fence = t.fence + 1
      FROM taken AS t
     WHERE e.execution_id = t.execution_id AND e.scheduled_for = t.scheduled_for AND e.schedule_id = t.schedule_id
       AND e.scheduled_for BETWEEN $6::timestamptz AND $7::timestamptz
 RETURNING e.execution_id, e.schedule_id, e.scheduled_for, e.executed_at, e.attempt, e.fence, e.task_type, e.input_data
), counted AS (
    UPDATE rowcall.schedules AS s
       SET total_runs = s.total_runs + f.first_runs,
           last_run_at = statement_timestamp(),
           last_execution_id = f.execution_id
      FROM (SELECT schedule_id, max(execution_id) AS execution_id, (count(*) FILTER (WHERE fence = 1))::int AS first_runs
              FROM started GROUP BY schedule_id) AS f
     WHERE s.schedule_id = f.schedule_id AND f.first_runs > 0
)
SELECT execution_id, schedule_id, scheduled_for, executed_at, attempt, fence, task_type, input_data
  FROM started
