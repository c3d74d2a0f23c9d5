-- A page of the executions of one schedule that are QUEUED or RUNNING, the latest moments first.
-- $1 bigint: the schedule · $2 int: at most so many · $3 statuses text[]. NULL leaves open: $4 task_type · $5 trigger
-- $6 and $7 scheduled from and before timestamptz. $8 timestamptz and $9 bigint: before this row, NULL for the first page.
-- $10 client_id text: nothing, unless it is of this client; NULL: of any. $11 boolean: nothing of a static one.
SELECT o.execution_id, o.scheduled_for
  FROM rowcall.open_executions AS o
  JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id
 WHERE o.schedule_id = $1
   AND (CASE WHEN o.worker_id IS NULL THEN 'QUEUED' ELSE 'RUNNING' END) = ANY ($3::text[])
   AND ($4::text IS NULL OR split_part(o.route, '@', 1) = $4)
   AND ($5::text IS NULL OR o.trigger = $5)
   AND ($6::timestamptz IS NULL OR o.scheduled_for >= $6)
   AND ($7::timestamptz IS NULL OR o.scheduled_for < $7)
   AND ($8::timestamptz IS NULL
        OR (o.scheduled_for, CASE WHEN o.trigger = 'manual' THEN o.execution_id ELSE 0 END) < ($8, $9::bigint))
   AND ($10::text IS NULL OR s.client_id = $10)
   AND NOT ($11::boolean AND s.is_static)
 ORDER BY o.scheduled_for DESC, (CASE WHEN o.trigger = 'manual' THEN o.execution_id ELSE 0 END) DESC
 LIMIT $2::int
