-- The row that answers for the moment $2 timestamptz of the schedule $1 bigint: its own, or the one that covers it.
-- The first row of a chain covers all that came before it.
SELECT e.execution_id, e.scheduled_for
  FROM rowcall.schedule_executions AS e
 WHERE e.schedule_id = $1
   AND (e.scheduled_for = $2 AND e.trigger <> 'manual'
        OR e.scheduled_for > $2 AND e.trigger = 'schedule' AND coalesce(e.covers_after, '-infinity') < $2)
   AND e.scheduled_for >= $2
 ORDER BY e.scheduled_for
 LIMIT 1
