-- Lock the open execution $1 bigint, so that it is neither claimed nor finished meanwhile; nothing, if it is final,
-- or if it is not of a schedule, static ones aside, of $2 client text; NULL: of all.
SELECT o.schedule_id, o.scheduled_for, o.worker_id, o.cancel_requested_at
  FROM rowcall.open_executions AS o
 WHERE o.execution_id = $1
   AND ($2::text IS NULL OR EXISTS (
        SELECT FROM rowcall.schedules AS s
         WHERE s.schedule_id = o.schedule_id AND s.client_id = $2 AND NOT s.is_static))
   FOR UPDATE
