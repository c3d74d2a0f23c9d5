-- How the executions of the locked backfill $1 bigint ended, those after its count so far and through $2 timestamptz.
UPDATE rowcall.backfills AS b
   SET counted_through = $2::timestamptz, succeeded = b.succeeded + r.succeeded, failed = b.failed + r.failed,
       cancelled = b.cancelled + r.cancelled
  FROM (SELECT count(*) FILTER (WHERE e.status = 'SUCCEEDED') AS succeeded,
               count(*) FILTER (WHERE e.status IN ('FAILED', 'TIMED_OUT', 'LOST')) AS failed,
               count(*) FILTER (WHERE e.status = 'CANCELLED') AS cancelled
          FROM rowcall.backfills AS f
          JOIN rowcall.schedule_executions AS e
            ON e.schedule_id = f.schedule_id AND e.backfill_id = f.backfill_id
           AND e.scheduled_for > f.counted_through AND e.scheduled_for <= $2::timestamptz
         WHERE f.backfill_id = $1) AS r
 WHERE b.backfill_id = $1
