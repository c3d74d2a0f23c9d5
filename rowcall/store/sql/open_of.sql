-- What is open of the schedules $1 bigint[], backfills aside: asked after they are locked, so that nothing opens in between.
SELECT o.schedule_id, count(*)::int AS count, max(o.execution_id) AS execution_id,
       (count(*) FILTER (WHERE o.worker_id IS NULL AND o.available_at IS NULL))::int AS waiting
  FROM rowcall.open_executions AS o
 WHERE o.schedule_id = ANY ($1::bigint[]) AND o.backfill_id IS NULL
 GROUP BY o.schedule_id
