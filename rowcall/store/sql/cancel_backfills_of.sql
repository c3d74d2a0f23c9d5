-- End the backfills of the locked schedule $1 bigint, for the reason $2 text.
UPDATE rowcall.backfills AS b
   SET status = 'CANCELLED', status_reason = $2, finished_at = clock_timestamp()
 WHERE b.schedule_id = $1 AND b.status = 'RUNNING'
