-- Disable the locked schedule $1 bigint, end its backfills, and cancel what is queued of it, for the reason $2 text; the
-- executions that were.
-- The open row goes first, in this statement as in every other: whoever holds it holds the execution.
WITH closed AS (
    DELETE FROM rowcall.open_executions AS o
     WHERE o.schedule_id = $1 AND o.worker_id IS NULL
 RETURNING o.execution_id, o.schedule_id, o.scheduled_for, o.fence
), ended AS (
    UPDATE rowcall.backfills AS b
       SET status = 'CANCELLED', status_reason = $2, finished_at = clock_timestamp()
     WHERE b.schedule_id = $1 AND b.status = 'RUNNING'
), disabled AS (
    UPDATE rowcall.schedules AS s
       SET status = 'DISABLED', status_reason = NULL
     WHERE s.schedule_id = $1
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
