-- Renew the lease of worker $1 bigint, from now on for $2 double precision seconds (NULL: as long as before). No row: it was
-- given up, and nothing it holds is its own any more. Besides: whether anything runs in its name, and of that what is to end.
UPDATE rowcall.workers AS w
   SET last_beat_at = clock_timestamp(), lease_seconds = coalesce($2, w.lease_seconds)
 WHERE w.worker_id = $1 AND w.ended_at IS NULL
   AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()
RETURNING EXISTS (SELECT FROM rowcall.open_executions AS o WHERE o.worker_id = $1) AS runs,
          ARRAY(SELECT o.execution_id FROM rowcall.open_executions AS o
                 WHERE o.worker_id = $1 AND o.cancel_requested_at IS NOT NULL) AS to_end
