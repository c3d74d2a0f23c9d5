-- Queue a manual execution of the locked schedule $1 bigint, requested at $2 timestamptz, with $3 jsonb laid over its
-- input; $4 boolean: line up behind what is open, where max_instances leaves no room. Everything that people
-- and programs see of it, the columns of find_executions.sql, and whether it waits.
WITH target AS MATERIALIZED (
    SELECT s.schedule_id, s.client_id, s.version, s.priority, s.task_type, s.capability_required, s.route,
           s.input_data || coalesce($3::jsonb, '{}') AS input_data, nextval('rowcall.execution_ids') AS execution_id,
           CASE WHEN NOT $4::boolean OR (
                     SELECT count(*) < s.max_instances AND count(*) FILTER (
                                WHERE o.worker_id IS NULL AND o.available_at IS NULL) = 0
                       FROM rowcall.open_executions AS o
                      WHERE o.schedule_id = s.schedule_id AND o.backfill_id IS NULL)
                THEN $2::timestamptz END AS available_at
      FROM rowcall.schedules AS s
     WHERE s.schedule_id = $1
), opened AS (
    INSERT INTO rowcall.open_executions
                (execution_id, schedule_id, scheduled_for, available_at, priority, trigger, route)
    SELECT t.execution_id, t.schedule_id, $2, t.available_at, t.priority, 'manual', t.route
      FROM target AS t
), written AS (
    INSERT INTO rowcall.schedule_executions
                (execution_id, schedule_id, scheduled_for, available_at, schedule_version, priority, trigger, status,
                 task_type, capability_required, input_data)
    SELECT t.execution_id, t.schedule_id, $2, t.available_at, t.version, t.priority, 'manual', 'QUEUED', t.task_type,
           t.capability_required, t.input_data
      FROM target AS t
 RETURNING *
)
SELECT e.execution_id, e.schedule_id, e.schedule_version, e.trigger, e.scheduled_for, e.covers_after, e.task_type,
       e.capability_required, e.priority, e.input_data, e.status, e.attempt, e.fence, e.worker_id,
       e.cancel_requested_at, e.executed_at, e.finished_at, e.duration_seconds, e.result_data, e.error_message, e.errors,
       e.reason, e.backfill_id, e.available_at, e.created_at, e.available_at IS NULL AS waits,
       pg_notify('rowcall', 'look'),
       rowcall.write_audit('execution.requested', t.execution_id::text, t.schedule_id, t.client_id, NULL,
                           jsonb_build_object('version', t.version, 'input_data', rowcall.without_secrets($3::jsonb)))
  FROM target AS t
 CROSS JOIN written AS e
