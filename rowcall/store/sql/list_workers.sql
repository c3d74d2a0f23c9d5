-- Workers, the newest first: the living, and with $1 boolean those that have ended as well; at most $2 int.
SELECT w.worker_id, w.name, w.host, w.pid, w.rowcall_version, w.apps, w.routes, w.slots, w.lease_seconds, w.status,
       w.started_at, w.last_beat_at, w.ended_at,
       (SELECT count(*) FROM rowcall.open_executions AS o WHERE o.worker_id = w.worker_id)::int AS running,
       w.ended_at IS NULL AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp() AS is_alive
  FROM rowcall.workers AS w
 WHERE $1::boolean OR w.ended_at IS NULL
 ORDER BY w.worker_id DESC
 LIMIT $2::int
