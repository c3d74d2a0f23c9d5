-- Cancel what is queued of those of the schedules $1 bigint[] that were deleted, for the reason $2 text; the executions.
-- The open row goes first, in this statement as in every other: whoever holds it holds the execution.
WITH closed AS (
    DELETE FROM rowcall.open_executions AS o
     USING rowcall.schedules AS s
     WHERE o.schedule_id = ANY ($1::bigint[]) AND o.worker_id IS NULL
       AND s.schedule_id = o.schedule_id AND s.status = 'DISABLED'
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
RETURNING e.execution_id, e.scheduled_for
