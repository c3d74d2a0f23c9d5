-- Declare dead whose lease has run out; $1 now timestamptz or NULL. The living are few, however many came before.
UPDATE rowcall.workers AS w
   SET status = 'DEAD', ended_at = clock_timestamp()
 WHERE w.worker_id IN (
       SELECT d.worker_id FROM rowcall.workers AS d
        WHERE d.ended_at IS NULL
          AND d.last_beat_at + make_interval(secs => d.lease_seconds) <= coalesce($1::timestamptz, clock_timestamp())
          FOR UPDATE SKIP LOCKED)
RETURNING w.worker_id, w.name, extract(epoch FROM clock_timestamp() - w.last_beat_at)::float8 AS silent_seconds
