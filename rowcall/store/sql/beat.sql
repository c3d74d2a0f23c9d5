-- Renew the lease of worker $1 bigint. No row: it was given up, and nothing it holds is its own any more.
UPDATE rowcall.workers AS w
   SET last_beat_at = clock_timestamp()
 WHERE w.worker_id = $1 AND w.ended_at IS NULL
   AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()
RETURNING w.worker_id
