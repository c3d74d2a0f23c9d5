-- What this replica may run first, and what next: per kind, route and priority the earliest moment, due or not.
-- $1 routes text[] · $2 now timestamptz or NULL · $3 and $4 timestamptz or NULL: schedules due, and executions
-- available, from then on.
-- One index probe for each pair, whatever the number of rows. $3 spares it the dead entries of all that was answered
-- before: while somebody holds an old snapshot, none of them can be cleaned away, and they stand at the beginning.
SELECT 'schedule' AS kind, lane.route, lane.priority, head.next_run_at AS moment,
       extract(epoch FROM head.next_run_at - coalesce($2::timestamptz, clock_timestamp()))::float8 AS due_in
  FROM (SELECT route, priority::smallint FROM unnest($1::text[]) AS route, generate_series(10, 1, -1) AS priority) AS lane
 CROSS JOIN LATERAL (
       SELECT s.next_run_at
         FROM rowcall.schedules AS s
        WHERE s.status = 'ACTIVE' AND s.route = lane.route AND s.priority = lane.priority
          AND s.next_run_at >= coalesce($3::timestamptz, '-infinity')
        ORDER BY s.next_run_at
        LIMIT 1) AS head
UNION ALL
SELECT 'queued', lane.route, lane.priority, head.available_at,
       extract(epoch FROM head.available_at - coalesce($2::timestamptz, clock_timestamp()))::float8
  FROM (SELECT route, priority::smallint FROM unnest($1::text[]) AS route, generate_series(10, 1, -1) AS priority) AS lane
 CROSS JOIN LATERAL (
       SELECT o.available_at
         FROM rowcall.open_executions AS o
        WHERE o.route = lane.route AND o.priority = lane.priority
          AND o.available_at >= coalesce($4::timestamptz, '-infinity')
        ORDER BY o.available_at
        LIMIT 1) AS head
UNION ALL
SELECT 'unplanned', '', 10::smallint, NULL, 0
 WHERE EXISTS (SELECT FROM rowcall.schedules AS s WHERE s.status = 'ACTIVE' AND s.next_run_at IS NULL)
