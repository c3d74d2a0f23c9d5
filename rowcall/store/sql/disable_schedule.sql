-- Disable the schedule $1 bigint if it is still as the transaction $2 xid wrote it, and nothing is open of it or being
-- backfilled; $3 text: who does it. Its id, or nothing.
UPDATE rowcall.schedules AS s
   SET status = 'DISABLED', status_reason = NULL
 WHERE s.schedule_id = $1 AND s.xmin = $2
   AND ($3::text IS NULL OR set_config('rowcall.who', $3, true) = $3)
   AND NOT EXISTS (SELECT FROM rowcall.open_executions AS o WHERE o.schedule_id = $1)
   AND NOT EXISTS (SELECT FROM rowcall.backfills AS b WHERE b.schedule_id = $1 AND b.status = 'RUNNING')
RETURNING s.schedule_id
