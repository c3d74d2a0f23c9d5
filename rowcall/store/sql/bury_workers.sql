-- Declare dead whose lease has run out; $1 now timestamptz or NULL. The living are few, however many came before.
-- A beat that lies ahead was heard before the clock went back: it counts as heard just now, or the lease of a worker that
-- died then would last until the clock has come there again. One that lives beats on anyway.
WITH ahead AS (
    UPDATE rowcall.workers AS w
       SET last_beat_at = clock_timestamp()
     WHERE w.worker_id IN (
           SELECT a.worker_id FROM rowcall.workers AS a
            WHERE a.ended_at IS NULL AND a.last_beat_at > clock_timestamp() + interval '1 second'
              FOR UPDATE SKIP LOCKED)
)
UPDATE rowcall.workers AS w
   SET status = 'DEAD', ended_at = clock_timestamp()
 WHERE w.worker_id IN (
       SELECT d.worker_id FROM rowcall.workers AS d
        WHERE d.ended_at IS NULL
          AND d.last_beat_at + make_interval(secs => d.lease_seconds) <= coalesce($1::timestamptz, clock_timestamp())
          FOR UPDATE SKIP LOCKED)
RETURNING w.worker_id, w.name, extract(epoch FROM clock_timestamp() - w.last_beat_at)::float8 AS silent_seconds
