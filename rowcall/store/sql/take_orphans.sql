-- Lock up to $1 int runs whose worker has ended, each with what decides whether it is tried again; those of the worker
-- $2 bigint or NULL aside.
SELECT o.execution_id, o.scheduled_for, o.fence, o.worker_id, o.cancel_requested_at, e.attempt, e.executed_at,
       s.max_retries, s.status = 'DISABLED' AS deleted, s.schedule_id, s.name, w.name AS worker,
       extract(epoch FROM clock_timestamp() - w.last_beat_at)::float8 AS silent_seconds
  FROM rowcall.open_executions AS o
  JOIN rowcall.workers AS w ON w.worker_id = o.worker_id AND w.ended_at IS NOT NULL
                          AND w.worker_id IS DISTINCT FROM $2::bigint
  JOIN rowcall.schedule_executions AS e ON e.execution_id = o.execution_id AND e.scheduled_for = o.scheduled_for
                                  AND e.schedule_id = o.schedule_id
  JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id
 ORDER BY o.execution_id
 LIMIT $1::int
   FOR UPDATE OF o SKIP LOCKED
