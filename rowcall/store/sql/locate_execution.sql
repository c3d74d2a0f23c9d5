-- When the execution $1 bigint is scheduled for, which says in which partition it stands. Open ones are found at once.
SELECT o.scheduled_for FROM rowcall.open_executions AS o WHERE o.execution_id = $1
UNION ALL
SELECT e.scheduled_for FROM rowcall.schedule_executions AS e WHERE e.execution_id = $1
 LIMIT 1
