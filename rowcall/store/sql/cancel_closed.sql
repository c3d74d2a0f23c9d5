-- Say in the ledger that what was queued is CANCELLED, for the reason $5 text; the executions. Arrays, one element each:
-- $1 execution_id · $2 schedule_id · $3 scheduled_for · $4 fence. Their open rows went first, in a statement before this
-- one: whoever holds such a row holds the execution. What had begun before is counted: that is the last that became of it.
WITH closed AS (
    SELECT *
      FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::int[])
        AS c (execution_id, schedule_id, scheduled_for, fence)
), counted AS (
    INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses)
    SELECT array_agg(c.schedule_id), array_agg(c.execution_id), array_agg('CANCELLED'::text)
      FROM closed AS c
     WHERE c.fence > 0
    HAVING count(*) > 0
)
UPDATE rowcall.schedule_executions AS e
   SET status = 'CANCELLED', finished_at = statement_timestamp(), reason = $5
  FROM closed AS c
 WHERE e.execution_id = c.execution_id AND e.scheduled_for = c.scheduled_for AND e.schedule_id = c.schedule_id
RETURNING e.execution_id, e.scheduled_for
