-- The days of the ledger that ended before the last $1 interval and those on their way out, which come first: how far
-- each has come, how large it is, and what holds it: open executions, backfills, and how few days of the ledger are younger.
WITH days AS (
    SELECT c.oid, c.relname AS name, to_date(right(c.relname, 8), 'YYYYMMDD') AS day, c.reltuples,
           CASE WHEN i.inhrelid IS NULL THEN 'detached' WHEN i.inhdetachpending THEN 'detaching' ELSE 'attached' END AS state
      FROM pg_catalog.pg_class AS c
      LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid
     WHERE c.relnamespace = 'rowcall'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^schedule_executions_[0-9]{8}$'
       AND (i.inhrelid IS NOT NULL AND NOT i.inhdetachpending
            OR obj_description(c.oid, 'pg_class') = 'rowcall: on its way out')
), old AS MATERIALIZED (
    SELECT d.*, d.day::timestamp AT TIME ZONE 'UTC' AS begins_at, (d.day + 1)::timestamp AT TIME ZONE 'UTC' AS ends_at
      FROM days AS d
     WHERE (d.day + 1)::timestamp AT TIME ZONE 'UTC' <= now() - $1::interval OR d.state <> 'attached'
), opened AS MATERIALIZED (
    SELECT (o.scheduled_for AT TIME ZONE 'UTC')::date AS day, count(*) AS executions
      FROM rowcall.open_executions AS o
     WHERE o.scheduled_for < (SELECT max(old.ends_at) FROM old)
     GROUP BY 1
)
SELECT old.name, old.day, old.state, old.ends_at, pg_total_relation_size(old.oid) AS bytes,
       (SELECT count(*) FROM days AS d WHERE d.day > old.day AND d.day <= (now() AT TIME ZONE 'UTC')::date) AS younger,
       greatest(old.reltuples, 0)::bigint AS executions, coalesce(opened.executions, 0) AS open_executions,
       EXISTS (SELECT FROM rowcall.backfills AS b WHERE b.status = 'RUNNING' AND b.until > old.begins_at
                  AND b.counted_through < old.ends_at) AS is_backfilled
  FROM old
  LEFT JOIN opened ON opened.day = old.day
 ORDER BY old.state = 'attached', old.day
