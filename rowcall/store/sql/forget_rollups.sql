-- Delete figures of days of the ledger that ended more than $1 int days ago, at most $2 int rows, the oldest days first.
WITH old AS MATERIALIZED (
    SELECT r.schedule_id, r.day
      FROM rowcall.execution_rollups AS r
     WHERE r.day < (now() AT TIME ZONE 'UTC')::date - $1::int
     ORDER BY r.day
     LIMIT $2::int
       FOR UPDATE SKIP LOCKED
)
DELETE FROM rowcall.execution_rollups AS r
 USING old
 WHERE r.schedule_id = old.schedule_id AND r.day = old.day
RETURNING r.day
