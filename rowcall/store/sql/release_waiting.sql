-- Let go the earliest waiting executions of the locked schedules $1 bigint[], as far as $2 max_instances int[] leaves room.
-- What is made up for one by one (coalesce all) stays as late as it is; all else is due from now on.
WITH locked AS (
    SELECT l.schedule_id, l.max_instances, s.jitter_seconds, s."coalesce" = 'all' AS one_by_one
      FROM unnest($1::bigint[], $2::int[]) AS l (schedule_id, max_instances)
      JOIN rowcall.schedules AS s ON s.schedule_id = l.schedule_id
), released AS (
    UPDATE rowcall.open_executions AS o
       SET available_at = CASE WHEN l.one_by_one AND o.trigger = 'schedule'
                               THEN least(o.scheduled_for + make_interval(secs => l.jitter_seconds), statement_timestamp())
                               ELSE statement_timestamp() END
      FROM locked AS l
     CROSS JOIN LATERAL (
           SELECT w.execution_id
             FROM rowcall.open_executions AS w
            WHERE w.schedule_id = l.schedule_id AND w.worker_id IS NULL AND w.available_at IS NULL
            ORDER BY w.scheduled_for, w.execution_id
            LIMIT greatest(0, l.max_instances - (
                  SELECT count(*) FROM rowcall.open_executions AS b
                   WHERE b.schedule_id = l.schedule_id AND b.backfill_id IS NULL
                     AND (b.worker_id IS NOT NULL OR b.available_at IS NOT NULL)))) AS next
     WHERE o.execution_id = next.execution_id
 RETURNING o.execution_id, o.schedule_id, o.scheduled_for, o.available_at
)
UPDATE rowcall.schedule_executions AS e
   SET available_at = r.available_at
  FROM released AS r
 WHERE e.execution_id = r.execution_id AND e.scheduled_for = r.scheduled_for AND e.schedule_id = r.schedule_id
RETURNING e.execution_id, e.schedule_id
