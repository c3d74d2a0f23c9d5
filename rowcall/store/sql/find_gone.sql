-- The ACTIVE static schedules of source $1 text that no live worker of that app declares, while there are such workers.
-- One that has not said yet what it declares may declare them all.
WITH alive AS MATERIALIZED (
    SELECT w.declares
      FROM rowcall.workers AS w
     WHERE w.ended_at IS NULL AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()
       AND $1 = ANY (w.apps)
)
SELECT s.schedule_id
  FROM rowcall.schedule_terms AS t
  JOIN rowcall.schedules AS s ON s.schedule_id = t.schedule_id
 WHERE t.term = 'static:' AND s.source = $1 AND s.status = 'ACTIVE'
   AND EXISTS (SELECT FROM alive)
   AND NOT EXISTS (SELECT FROM alive AS a
                    WHERE a.declares IS NULL OR a.declares -> $1 ? (s.client_id || '/' || s.name))
 ORDER BY s.schedule_id
