-- Queue the executions $3 bigint[] at $4 timestamptz[] of the locked schedule $2 bigint, which never ran, for the backfill
-- $1 bigint; those that were. What they answer for stays, so that the chain of the ledger holds.
WITH reopened AS (
    UPDATE rowcall.schedule_executions AS e
       SET status = 'QUEUED', finished_at = NULL, available_at = statement_timestamp(), priority = 1, backfill_id = $1,
           schedule_version = s.version, task_type = s.task_type, capability_required = s.capability_required,
           input_data = s.input_data, reason = 'backfilled: ' || coalesce(e.reason, e.status)
      FROM unnest($3::bigint[], $4::timestamptz[]) AS r (execution_id, scheduled_for), rowcall.schedules AS s
     WHERE s.schedule_id = $2 AND e.schedule_id = $2
       AND e.execution_id = r.execution_id AND e.scheduled_for = r.scheduled_for
       AND e.fence = 0 AND e.status IN ('SKIPPED', 'MISSED', 'CANCELLED')
 RETURNING e.execution_id, e.schedule_id, e.scheduled_for, e.available_at, e.trigger, s.route
), opened AS (
    INSERT INTO rowcall.open_executions
                (execution_id, schedule_id, scheduled_for, available_at, priority, trigger, route, backfill_id)
    SELECT r.execution_id, r.schedule_id, r.scheduled_for, r.available_at, 1, r.trigger, r.route, $1
      FROM reopened AS r
)
SELECT r.execution_id FROM reopened AS r
