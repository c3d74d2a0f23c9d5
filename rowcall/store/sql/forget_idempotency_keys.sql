-- Delete keys older than $1 float8 seconds, at most $2 int, the oldest first; how many.
WITH old AS MATERIALIZED (
    SELECT k.who, k.idempotency_key
      FROM rowcall.idempotency_keys AS k
     WHERE k.created_at < now() - make_interval(secs => $1::float8)
     ORDER BY k.created_at
     LIMIT $2::int
       FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM rowcall.idempotency_keys AS k
     USING old
     WHERE k.who = old.who AND k.idempotency_key = old.idempotency_key
    RETURNING k.who
)
SELECT count(*) FROM gone
