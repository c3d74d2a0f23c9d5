-- Lock schedules that have a waiting execution: those of $1 bigint[], or any (NULL). In order, so that two never cross.
SELECT s.schedule_id, s.max_instances
  FROM rowcall.schedules AS s
 WHERE s.schedule_id IN (
       SELECT o.schedule_id FROM rowcall.open_executions AS o
        WHERE o.worker_id IS NULL AND o.available_at IS NULL
          AND ($1::bigint[] IS NULL OR o.schedule_id = ANY ($1::bigint[])))
 ORDER BY s.schedule_id
 LIMIT 500
   FOR NO KEY UPDATE
