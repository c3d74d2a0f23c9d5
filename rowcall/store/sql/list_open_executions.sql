-- A page of executions that are QUEUED or RUNNING, the newest ids first: they are few, however long the ledger is.
-- $1 bigint: below this id · $2 int: at most so many · $3 statuses text[]. NULL leaves open: $4 task_type · $5 trigger
-- $6 and $7 scheduled from and before timestamptz · $8 client_id text;
-- $9 boolean: static schedules are left out.
SELECT o.execution_id, o.scheduled_for
  FROM rowcall.open_executions AS o
  JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id
 WHERE o.execution_id < $1
   AND (CASE WHEN o.worker_id IS NULL THEN 'QUEUED' ELSE 'RUNNING' END) = ANY ($3::text[])
   AND ($4::text IS NULL OR split_part(o.route, '@', 1) = $4)
   AND ($5::text IS NULL OR o.trigger = $5)
   AND ($6::timestamptz IS NULL OR o.scheduled_for >= $6)
   AND ($7::timestamptz IS NULL OR o.scheduled_for < $7)
   AND ($8::text IS NULL OR s.client_id = $8)
   AND NOT ($9::boolean AND s.is_static)
 ORDER BY o.execution_id DESC
 LIMIT $2::int
