-- What is open of the schedule $1 bigint: what runs first, then in the order in which it may run; at most 20.
SELECT o.execution_id, o.worker_id IS NOT NULL AS is_running, o.available_at, e.attempt, e.executed_at
  FROM rowcall.open_executions AS o
  JOIN rowcall.schedule_executions AS e ON e.execution_id = o.execution_id AND e.scheduled_for = o.scheduled_for
 WHERE o.schedule_id = $1
 ORDER BY o.worker_id IS NULL, o.available_at, o.execution_id
 LIMIT 20
