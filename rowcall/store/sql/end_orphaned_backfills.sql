-- End the backfills whose schedule was deleted by SQL; those that were.
UPDATE rowcall.backfills AS b
   SET status = 'CANCELLED', status_reason = 'disabled: the schedule was deleted', finished_at = clock_timestamp()
 WHERE b.status = 'RUNNING'
   AND NOT EXISTS (SELECT FROM rowcall.schedules AS s WHERE s.schedule_id = b.schedule_id AND s.status <> 'DISABLED')
RETURNING b.backfill_id
