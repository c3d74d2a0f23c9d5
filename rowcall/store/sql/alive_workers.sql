-- The workers that hold their lease, oldest first.
SELECT w.worker_id, w.name, w.host, w.rowcall_version, w.routes, w.slots, w.status,
       extract(epoch FROM clock_timestamp() - w.last_beat_at)::float8 AS silent_seconds, w.lease_seconds,
       w.tzdata_version
  FROM rowcall.workers AS w
 WHERE w.ended_at IS NULL
   AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()
 ORDER BY w.worker_id
