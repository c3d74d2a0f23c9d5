-- Those past their grace that this replica can't run, of the next $3 int schedules after $2 bigint: a walk through all of
-- them, for what find_unroutable.sql has no view of. $1 routes text[] · $4 now or NULL. `last`: NULL at the end.
WITH stretch AS MATERIALIZED (
    SELECT s.schedule_id, s.status, s.route, s.next_run_at, s.grace_period_seconds
      FROM rowcall.schedules AS s
     WHERE s.schedule_id > $2::bigint
     ORDER BY s.schedule_id
     LIMIT $3::int
)
SELECT coalesce(array_agg(w.schedule_id) FILTER (
                    WHERE w.status = 'ACTIVE' AND w.route <> ALL ($1::text[])
                      AND w.next_run_at + make_interval(secs => w.grace_period_seconds)
                          < coalesce($4::timestamptz, now())), '{}') AS past_grace,
       CASE WHEN count(*) = $3::int THEN max(w.schedule_id) END AS last
  FROM stretch AS w
