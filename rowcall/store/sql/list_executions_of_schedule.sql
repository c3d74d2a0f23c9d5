-- A page of the executions of one schedule, the latest moments first, along one_row_per_occurrence.
-- $1 bigint: the schedule · $2 int: at most so many. NULL leaves open: $3 statuses text[] · $4 task_type · $5 trigger
-- $6 and $7 scheduled from and before timestamptz. $8 timestamptz and $9 bigint: before this row, NULL for the first page.
-- $10 client_id text: nothing, unless it is of this client; NULL: of any. $11 boolean: nothing of a static one.
SELECT e.execution_id, e.scheduled_for
  FROM rowcall.schedule_executions AS e
 WHERE e.schedule_id = $1
   AND (e.status = ANY ($3::text[]) OR $3 IS NULL)
   AND ($4::text IS NULL OR e.task_type = $4)
   AND ($5::text IS NULL OR e.trigger = $5)
   AND e.scheduled_for >= coalesce($6::timestamptz, '-infinity')
   AND e.scheduled_for < coalesce($7::timestamptz, 'infinity')
   AND e.scheduled_for <= coalesce($8::timestamptz, 'infinity')
   AND ($8::timestamptz IS NULL OR e.scheduled_for < $8
        OR (CASE WHEN e.trigger = 'manual' THEN e.execution_id ELSE 0 END) < $9::bigint)
   AND ($10::text IS NULL OR EXISTS (
        SELECT FROM rowcall.schedules AS s
         WHERE s.schedule_id = $1 AND s.client_id = $10 AND NOT ($11::boolean AND s.is_static)))
 ORDER BY e.scheduled_for DESC, (CASE WHEN e.trigger = 'manual' THEN e.execution_id ELSE 0 END) DESC
 LIMIT $2::int
