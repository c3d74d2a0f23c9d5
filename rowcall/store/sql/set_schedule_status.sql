-- Put the schedule $1 bigint into the status $2 text, for the reason $3 text.
UPDATE rowcall.schedules AS s
   SET status = $2, status_reason = $3
 WHERE s.schedule_id = $1
RETURNING s.schedule_id
