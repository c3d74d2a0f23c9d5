-- Queue the executions $3 bigint[] at $4 timestamptz[] of the locked schedule $2 bigint, which never ran, for the backfill
-- $1 bigint; those that were. What they answer for stays, so that the chain of the ledger holds. What another backfill
-- had queued, and was cancelled, stays in the counts of that one: in its rows they are not found from now on.
WITH taken AS MATERIALIZED (
    SELECT e.backfill_id, e.execution_id, e.scheduled_for
      FROM unnest($3::bigint[], $4::timestamptz[]) AS r (execution_id, scheduled_for)
      JOIN rowcall.schedule_executions AS e ON e.execution_id = r.execution_id AND e.scheduled_for = r.scheduled_for
     WHERE e.backfill_id IS NOT NULL
), reopened AS (
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
), counted AS (
    UPDATE rowcall.backfills AS b
       SET cancelled = b.cancelled + c.cancelled
      FROM (SELECT f.backfill_id, count(*) AS cancelled
              FROM reopened AS r
              JOIN taken AS t ON t.execution_id = r.execution_id
              JOIN rowcall.backfills AS f ON f.backfill_id = t.backfill_id AND t.scheduled_for > f.counted_through
             GROUP BY f.backfill_id) AS c
     WHERE b.backfill_id = c.backfill_id
)
SELECT r.execution_id FROM reopened AS r
