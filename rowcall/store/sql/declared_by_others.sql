-- The live workers of the app $1 text, but for $2 bigint, and what each declares; NULL: it has not said yet.
SELECT w.name, w.declares
  FROM rowcall.workers AS w
 WHERE w.ended_at IS NULL AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()
   AND $1 = ANY (w.apps) AND w.worker_id <> $2
 ORDER BY w.worker_id
