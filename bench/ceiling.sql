-- The physical limit: the row work of a scheduler and nothing else, as a script of pgbench. Frozen, so that figures of
-- different times can be compared; it is not the product's schema and doesn't follow it.
--
-- A batch of :batch runs is two transactions, as in a scheduler whose tasks do nothing: claim what is due under FOR
-- UPDATE SKIP LOCKED, advance it and write it down as RUNNING; then write the end. Advanced rows are due again, behind
-- all the others, so that there is always work. Tables: ceiling_tables.sql. Variables: batch.
BEGIN;
WITH due AS MATERIALIZED (
    SELECT schedule_id, next_run_at
      FROM ceiling.schedules
     WHERE next_run_at <= now()
     ORDER BY next_run_at
     LIMIT :batch
       FOR UPDATE SKIP LOCKED
), advanced AS (
    UPDATE ceiling.schedules AS s
       SET next_run_at = s.next_run_at + interval '1 day',
           last_run_at = now(),
           total_runs  = s.total_runs + 1
      FROM due
     WHERE s.schedule_id = due.schedule_id
 RETURNING s.schedule_id, due.next_run_at, s.task_type, s.priority, s.input_data
), started AS (
    INSERT INTO ceiling.executions
           (schedule_id, scheduled_for, task_type, priority, input_data, status, worker_id, executed_at)
    SELECT schedule_id, next_run_at, task_type, priority, input_data, 'RUNNING', :client_id, now()
      FROM advanced
 RETURNING execution_id
)
SELECT array_agg(execution_id)::text AS started FROM started \gset
COMMIT;
BEGIN;
UPDATE ceiling.executions
   SET status = 'SUCCEEDED', finished_at = now()
 WHERE execution_id = ANY (:started::bigint[]);
COMMIT;
