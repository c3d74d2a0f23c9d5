-- Up to $2 int schedules, of $1 bigint[] or any where it is NULL, of which an occurrence waits to take the place of what is
-- open (cancel_running), and nobody has asked that to end. Where late ones are caught up one by one, they wait in turn.
-- A run that somebody asked for before that occurrence and that starts before it has its first attempt.
-- Probed one by one: a join would have PostgreSQL read all that is open.
SELECT s.schedule_id
  FROM (SELECT unnest($1::bigint[]) AS schedule_id
         UNION ALL
        SELECT DISTINCT o.schedule_id FROM rowcall.open_executions AS o
         WHERE $1::bigint[] IS NULL AND o.worker_id IS NULL AND o.available_at IS NULL) AS asked
  JOIN rowcall.schedules AS s ON s.schedule_id = asked.schedule_id
 WHERE s.overlap_policy = 'cancel_running' AND s."coalesce" = 'latest'
   AND (SELECT w.execution_id FROM rowcall.open_executions AS w
         WHERE w.schedule_id = s.schedule_id AND w.trigger = 'schedule'
           AND w.worker_id IS NULL AND w.available_at IS NULL LIMIT 1) IS NOT NULL
   AND (SELECT o.execution_id FROM rowcall.open_executions AS o
         WHERE o.schedule_id = s.schedule_id AND o.backfill_id IS NULL
           AND (o.available_at IS NOT NULL OR o.worker_id IS NOT NULL AND o.cancel_requested_at IS NULL)
           AND (o.trigger <> 'manual' OR o.available_at IS NOT NULL AND o.fence > 0)
         LIMIT 1) IS NOT NULL
 LIMIT $2::int
