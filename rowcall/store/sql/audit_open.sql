-- Open executions of which the ledger says something else, and runs whose worker has been gone for longer than
-- $1 seconds; of the schedules $2 bigint[] or of all (NULL).
SELECT o.execution_id, o.schedule_id, s.name, o.scheduled_for, 'astray' AS kind,
       'it stands open as ' || CASE WHEN o.worker_id IS NULL THEN 'QUEUED' ELSE 'RUNNING' END || ' at fence ' || o.fence
       || ', and the ledger says ' || coalesce(e.status || ' at fence ' || e.fence, 'nothing') AS detail
  FROM rowcall.open_executions AS o
  LEFT JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id
  LEFT JOIN rowcall.schedule_executions AS e
         ON e.execution_id = o.execution_id AND e.scheduled_for = o.scheduled_for
 WHERE ($2::bigint[] IS NULL OR o.schedule_id = ANY ($2::bigint[]))
   AND (e.status IS DISTINCT FROM CASE WHEN o.worker_id IS NULL THEN 'QUEUED' ELSE 'RUNNING' END
        OR e.fence <> o.fence OR e.worker_id IS DISTINCT FROM o.worker_id)
UNION ALL
SELECT o.execution_id, o.schedule_id, s.name, o.scheduled_for, 'abandoned',
       'it runs in the name of worker ' || o.worker_id || ', which has been gone for '
       || round(extract(epoch FROM now() - coalesce(w.ended_at, w.last_beat_at))) || ' s'
  FROM rowcall.open_executions AS o
  JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id
  LEFT JOIN rowcall.workers AS w ON w.worker_id = o.worker_id
 WHERE o.worker_id IS NOT NULL AND ($2::bigint[] IS NULL OR o.schedule_id = ANY ($2::bigint[]))
   AND (w.worker_id IS NULL
        OR w.ended_at + make_interval(secs => $1::float8) < now()
        OR w.last_beat_at + make_interval(secs => w.lease_seconds + $1::float8) < now())
