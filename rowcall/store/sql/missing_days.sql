-- The days (UTC) from today through $1 int days ahead that the ledger has no partition for.
SELECT day::date AS day
  FROM generate_series(date_trunc('day', now() AT TIME ZONE 'UTC'),
                       date_trunc('day', now() AT TIME ZONE 'UTC') + make_interval(days => $1::int),
                       interval '1 day') AS day
 WHERE to_regclass('rowcall.schedule_executions_' || to_char(day, 'YYYYMMDD')) IS NULL
 ORDER BY day
