-- Queue the occurrences $3 timestamptz[] of the locked schedule $2 bigint for the backfill $1 bigint, in the lowest lane;
-- those that were. An occurrence that has a row already is left alone.
WITH written AS (
    INSERT INTO rowcall.schedule_executions
                (schedule_id, scheduled_for, available_at, schedule_version, priority, trigger, status, task_type,
                 capability_required, input_data, backfill_id)
    SELECT s.schedule_id, m.moment, statement_timestamp(), s.version, 1, 'backfill', 'QUEUED', s.task_type,
           s.capability_required, s.input_data, $1
      FROM rowcall.schedules AS s
     CROSS JOIN unnest($3::timestamptz[]) AS m (moment)
     WHERE s.schedule_id = $2
        ON CONFLICT DO NOTHING
 RETURNING execution_id, schedule_id, scheduled_for, available_at, backfill_id
), opened AS (
    INSERT INTO rowcall.open_executions
                (execution_id, schedule_id, scheduled_for, available_at, priority, trigger, route, backfill_id)
    SELECT w.execution_id, w.schedule_id, w.scheduled_for, w.available_at, 1, 'backfill', s.route, w.backfill_id
      FROM written AS w
      JOIN rowcall.schedules AS s ON s.schedule_id = w.schedule_id
)
SELECT w.execution_id FROM written AS w
