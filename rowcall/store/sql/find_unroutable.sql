-- Schedules past their grace in lanes that this replica can't run, $1 its routes text[]: the first $2 int due ones of each
-- lane are looked at, $3 int in all, so that the many which are within their grace cost little. $4 now or NULL.
-- `is_cut_off`: there may be more behind these.
WITH first_due AS MATERIALIZED (
    SELECT head.schedule_id, head.is_past_grace, head.place
      FROM rowcall.lanes
     CROSS JOIN LATERAL (
           SELECT due.schedule_id, row_number() OVER (ORDER BY due.next_run_at) AS place,
                  due.next_run_at + make_interval(secs => due.grace_period_seconds)
                      < coalesce($4::timestamptz, now()) AS is_past_grace
             FROM rowcall.schedules AS due
            WHERE due.status = 'ACTIVE' AND due.route = lanes.route AND due.priority = lanes.priority
              AND due.next_run_at <= coalesce($4::timestamptz, now())
            ORDER BY due.next_run_at
            LIMIT $2::int) AS head
     WHERE lanes.route <> ALL ($1::text[])
     LIMIT $3::int
)
SELECT coalesce(array_agg(f.schedule_id) FILTER (WHERE f.is_past_grace), '{}') AS past_grace,
       coalesce(bool_or(f.place = $2::int), false) OR count(*) = $3::int AS is_cut_off
  FROM first_due AS f
