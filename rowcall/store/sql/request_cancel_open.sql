-- Ask for the end of what runs of the schedules $1 bigint[]; what is queued of them and not waiting ends as well.
WITH asked AS (
    UPDATE rowcall.open_executions AS o
       SET cancel_requested_at = statement_timestamp()
     WHERE o.schedule_id = ANY ($1::bigint[]) AND o.cancel_requested_at IS NULL
       AND (o.worker_id IS NOT NULL OR o.available_at IS NOT NULL)
 RETURNING o.execution_id, o.scheduled_for
), marked AS (
    UPDATE rowcall.schedule_executions AS e
       SET cancel_requested_at = statement_timestamp()
      FROM asked AS a
     WHERE e.execution_id = a.execution_id AND e.scheduled_for = a.scheduled_for
)
SELECT pg_notify('rowcall', 'cancel') FROM asked LIMIT 1
