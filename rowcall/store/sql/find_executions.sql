-- The executions $1 bigint[] at $2 timestamptz[], in that order; $3 and $4 timestamptz are the earliest and the latest of
-- these moments, so that other partitions are left alone.
SELECT e.execution_id, e.schedule_id, e.schedule_version, e.trigger, e.scheduled_for, e.covers_after, e.task_type,
       e.capability_required, e.priority, e.input_data, e.status, e.attempt, e.fence, e.worker_id,
       e.cancel_requested_at, e.executed_at, e.finished_at, e.duration_seconds, e.result_data, e.error_message, e.errors,
       e.reason, e.backfill_id, e.available_at, e.created_at
  FROM unnest($1::bigint[], $2::timestamptz[]) WITH ORDINALITY AS k (execution_id, scheduled_for, position)
  JOIN rowcall.schedule_executions AS e
    ON e.execution_id = k.execution_id AND e.scheduled_for = k.scheduled_for
   AND e.scheduled_for BETWEEN $3::timestamptz AND $4::timestamptz
 ORDER BY k.position
