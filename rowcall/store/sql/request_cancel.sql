-- Ask the worker that runs the locked execution $1 bigint to end it. A second request changes nothing.
WITH asked AS (
    UPDATE rowcall.open_executions AS o
       SET cancel_requested_at = statement_timestamp()
     WHERE o.execution_id = $1 AND o.worker_id IS NOT NULL AND o.cancel_requested_at IS NULL
 RETURNING o.execution_id, o.scheduled_for, o.schedule_id, o.cancel_requested_at
), marked AS (
    UPDATE rowcall.schedule_executions AS e
       SET cancel_requested_at = statement_timestamp()
      FROM asked AS a
     WHERE e.execution_id = a.execution_id AND e.scheduled_for = a.scheduled_for
)
SELECT pg_notify('rowcall', 'cancel'),
       rowcall.write_audit('execution.cancel_requested', a.execution_id::text, a.schedule_id,
                           (SELECT s.client_id FROM rowcall.schedules AS s WHERE s.schedule_id = a.schedule_id),
                           NULL, jsonb_build_object('cancel_requested_at', a.cancel_requested_at))
  FROM asked AS a
