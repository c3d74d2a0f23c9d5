-- What runs in the name of worker $1 bigint, of what it knows of, $2 bigint[], and of all that has been claimed after
-- execution $3 bigint. By their keys: all leases of a worker stand under one key in the other index, and while
-- somebody holds an old snapshot there are those that ended among them. IS NOT DISTINCT FROM keeps PostgreSQL from it.
SELECT o.execution_id, o.schedule_id, o.scheduled_for, o.fence, o.cancel_requested_at
  FROM unnest($2::bigint[]) AS known (execution_id)
 CROSS JOIN LATERAL (
       SELECT own.execution_id, own.schedule_id, own.scheduled_for, own.fence, own.cancel_requested_at, own.worker_id
         FROM rowcall.open_executions AS own
        WHERE own.execution_id = known.execution_id
        LIMIT 1) AS o
 WHERE o.worker_id IS NOT DISTINCT FROM $1
UNION ALL
SELECT o.execution_id, o.schedule_id, o.scheduled_for, o.fence, o.cancel_requested_at
  FROM rowcall.open_executions AS o
 WHERE o.execution_id > $3::bigint AND o.worker_id IS NOT DISTINCT FROM $1 AND o.execution_id <> ALL ($2::bigint[])
