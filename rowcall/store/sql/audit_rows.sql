-- The ledger of the schedules from $1 bigint through $2 bigint, of those only $3 bigint[] if it is given, from the moment
-- $4 timestamptz through $5, each schedule's in order. Ordered as one_row_per_occurrence is.
SELECT e.schedule_id, e.execution_id, e.scheduled_for, e.covers_after, e.created_at, e.executed_at, e.finished_at,
       e.trigger, e.status, e.schedule_version, e.errors, e.backfill_id IS NOT NULL AS backfilled,
       CASE WHEN e.status IN ('QUEUED', 'RUNNING')
            THEN NOT EXISTS (SELECT FROM rowcall.open_executions AS o WHERE o.execution_id = e.execution_id)
            ELSE false END AS astray
  FROM rowcall.schedule_executions AS e
 WHERE e.schedule_id BETWEEN $1::bigint AND $2::bigint AND ($3::bigint[] IS NULL OR e.schedule_id = ANY ($3::bigint[]))
   AND e.scheduled_for BETWEEN $4::timestamptz AND $5::timestamptz
 ORDER BY e.schedule_id, e.scheduled_for, CASE WHEN e.trigger = 'manual' THEN e.execution_id ELSE 0 END
