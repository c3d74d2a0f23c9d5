-- The clock-bound rules that come to be due within $2 double precision seconds: each with the occurrence that it will be
-- asked to go on from, soonest first, out of the first $3 int schedules of each lane. $1 routes text[].
SELECT soon.cron_expression, soon.timezone, soon.next_occurrence_at
  FROM (SELECT route, priority::smallint FROM unnest($1::text[]) AS route, generate_series(10, 1, -1) AS priority) AS lane
 CROSS JOIN LATERAL (
       SELECT s.cron_expression, s.timezone, s.next_occurrence_at, s.next_run_at
         FROM rowcall.schedules AS s
        WHERE s.status = 'ACTIVE' AND s.route = lane.route AND s.priority = lane.priority
          AND s.next_run_at > now() AND s.next_run_at <= now() + make_interval(secs => $2)
        ORDER BY s.next_run_at
        LIMIT $3::int) AS soon
 WHERE soon.cron_expression IS NOT NULL AND soon.next_occurrence_at IS NOT NULL
 GROUP BY soon.cron_expression, soon.timezone, soon.next_occurrence_at
 ORDER BY min(soon.next_run_at)
