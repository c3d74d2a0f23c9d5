-- What is open of the schedules $1 bigint[], backfills aside: asked after they are locked, so that nothing opens in between.
-- Of what waits for another to end, occurrences are told from what somebody asked for.
SELECT o.schedule_id, count(*)::int AS count, max(o.execution_id) AS execution_id,
       (count(*) FILTER (WHERE w.waits AND o.trigger = 'schedule'))::int AS waiting,
       (count(*) FILTER (WHERE w.waits AND o.trigger <> 'schedule'))::int AS requested
  FROM rowcall.open_executions AS o,
       LATERAL (SELECT o.worker_id IS NULL AND o.available_at IS NULL AS waits) AS w
 WHERE o.schedule_id = ANY ($1::bigint[]) AND o.backfill_id IS NULL
 GROUP BY o.schedule_id
