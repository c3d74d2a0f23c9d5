-- The workers alive, those of them that offer the route $1 text, and the slots that those have free.
SELECT count(*)::int AS alive,
       (count(*) FILTER (WHERE $1 = ANY (w.routes)))::int AS offering,
       coalesce(sum(w.slots - (SELECT count(*) FROM rowcall.open_executions AS o WHERE o.worker_id = w.worker_id))
                FILTER (WHERE $1 = ANY (w.routes)), 0)::int AS free_slots
  FROM rowcall.workers AS w
 WHERE w.status = 'RUNNING' AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()
