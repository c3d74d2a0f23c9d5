-- Where to enter the chain of schedule $1 bigint for an audit from $2 timestamptz: its last answer before that.
SELECT e.scheduled_for
  FROM rowcall.schedule_executions AS e
 WHERE e.schedule_id = $1::bigint AND e.scheduled_for < $2::timestamptz AND e.trigger = 'schedule'
 ORDER BY e.scheduled_for DESC
 LIMIT 1
