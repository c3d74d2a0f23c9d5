-- What is open of the client $1 text, static schedules aside, and who works, at this moment.
SELECT clock_timestamp() AS now, o.queued, o.waiting, o.running, w.workers, w.slots
  FROM (SELECT count(*) FILTER (WHERE p.worker_id IS NULL AND p.available_at IS NOT NULL) AS queued,
               count(*) FILTER (WHERE p.worker_id IS NULL AND p.available_at IS NULL) AS waiting,
               count(*) FILTER (WHERE p.worker_id IS NOT NULL) AS running
          FROM rowcall.open_executions AS p
          JOIN rowcall.schedules AS s ON s.schedule_id = p.schedule_id
         WHERE s.client_id = $1 AND NOT s.is_static) AS o
 CROSS JOIN (
       SELECT count(*) AS workers, coalesce(sum(slots), 0) AS slots
         FROM rowcall.workers
        WHERE ended_at IS NULL AND last_beat_at + make_interval(secs => lease_seconds) > clock_timestamp()) AS w
