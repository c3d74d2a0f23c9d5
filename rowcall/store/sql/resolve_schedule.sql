-- The id of the schedule that client $1 text calls $2 text, among those not deleted.
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE s.client_id = $1 AND s.name = $2 AND s.status <> 'DISABLED'
