-- Cancel the locked execution $1 bigint, which is queued, for the reason $2 text.
WITH closed AS (
    DELETE FROM rowcall.open_executions AS o
     WHERE o.execution_id = $1 AND o.worker_id IS NULL
 RETURNING o.execution_id, o.schedule_id, o.scheduled_for, o.fence
), counted AS (
    INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses)
    SELECT array_agg(c.schedule_id), array_agg(c.execution_id), array_agg('CANCELLED'::text)
      FROM closed AS c
     WHERE c.fence > 0
    HAVING count(*) > 0
)
UPDATE rowcall.schedule_executions AS e
   SET status = 'CANCELLED', finished_at = statement_timestamp(), reason = $2
  FROM closed AS c
 WHERE e.execution_id = c.execution_id AND e.scheduled_for = c.scheduled_for
RETURNING e.execution_id, e.scheduled_for,
          rowcall.write_audit('execution.cancelled', e.execution_id::text, e.schedule_id,
                              (SELECT s.client_id FROM rowcall.schedules AS s WHERE s.schedule_id = e.schedule_id),
                              '{"status": "QUEUED"}', jsonb_build_object('status', e.status, 'reason', e.reason))
