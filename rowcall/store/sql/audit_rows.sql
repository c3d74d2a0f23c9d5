-- A page of the ledger of schedule $1 bigint in order, after the moment $2 and execution $3 bigint, through $4, up to $5.
SELECT e.execution_id, e.scheduled_for, e.covers_after, e.created_at, e.executed_at, e.trigger, e.status,
       e.schedule_version, e.errors, e.backfill_id IS NOT NULL AS backfilled
  FROM rowcall.schedule_executions AS e
 WHERE e.schedule_id = $1::bigint AND e.scheduled_for >= $2::timestamptz AND e.scheduled_for <= $4::timestamptz
   AND (e.scheduled_for, e.execution_id) > ($2::timestamptz, $3::bigint)
 ORDER BY e.scheduled_for, e.execution_id
 LIMIT $5::int
