-- Where to enter the chains of the schedules $1 bigint[] for an audit from $2 timestamptz: the last answer before that.
SELECT s.schedule_id, e.scheduled_for
  FROM unnest($1::bigint[]) AS s (schedule_id)
 CROSS JOIN LATERAL (
       SELECT x.scheduled_for
         FROM rowcall.schedule_executions AS x
        WHERE x.schedule_id = s.schedule_id AND x.scheduled_for < $2::timestamptz AND x.trigger = 'schedule'
        ORDER BY x.scheduled_for DESC
        LIMIT 1) AS e
