-- Up to $1 int schedules that have a waiting execution, and room for it.
SELECT w.schedule_id
  FROM (SELECT DISTINCT o.schedule_id
          FROM rowcall.open_executions AS o
         WHERE o.worker_id IS NULL AND o.available_at IS NULL) AS w
  JOIN rowcall.schedules AS s ON s.schedule_id = w.schedule_id
 WHERE s.max_instances > (SELECT count(*) FROM rowcall.open_executions AS b
                           WHERE b.schedule_id = w.schedule_id AND b.backfill_id IS NULL
                             AND (b.worker_id IS NOT NULL OR b.available_at IS NOT NULL))
 LIMIT $1::int
