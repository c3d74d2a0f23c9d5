-- A page of executions that failed, were lost or did not run, the newest ids first, along executions_not_well: however many
-- went well, none of them is read.
-- $1 bigint: below this id · $2 int: at most so many · $3 statuses text[], of those that always say why. NULL leaves
-- open: $4 task_type · $5 trigger · $6 and $7 scheduled from and before timestamptz, which leave out whole partitions
-- $8 client_id text; $9 boolean: static schedules are left out.
SELECT e.execution_id, e.scheduled_for
  FROM rowcall.schedule_executions AS e
 WHERE e.execution_id < $1
   AND (e.error_message IS NOT NULL OR e.reason IS NOT NULL)
   AND e.status = ANY ($3::text[])
   AND ($4::text IS NULL OR e.task_type = $4)
   AND ($5::text IS NULL OR e.trigger = $5)
   AND e.scheduled_for >= coalesce($6::timestamptz, '-infinity')
   AND e.scheduled_for < coalesce($7::timestamptz, 'infinity')
   AND ($8::text IS NULL OR EXISTS (
        SELECT FROM rowcall.schedules AS s WHERE s.schedule_id = e.schedule_id AND s.client_id = $8
           AND NOT ($9::boolean AND s.is_static)))
 ORDER BY e.execution_id DESC
 LIMIT $2::int
