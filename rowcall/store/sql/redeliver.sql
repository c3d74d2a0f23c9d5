-- Deliver $1 bigint anew, to where its schedule wants it by now: it is due at once, and its time to be given up begins anew.
UPDATE rowcall.webhook_deliveries AS d
   SET status = 'PENDING', status_reason = NULL, finished_at = NULL, next_attempt_at = clock_timestamp(),
       due_since = clock_timestamp(), tried_since = NULL, url = s.callback_url
  FROM rowcall.schedules AS s
 WHERE d.delivery_id = $1 AND s.schedule_id = d.schedule_id AND s.callback_url IS NOT NULL
RETURNING d.delivery_id, pg_notify('rowcall', 'deliver')
