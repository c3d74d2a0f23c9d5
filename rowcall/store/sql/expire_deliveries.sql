-- Give up what is due for the receiver $1 text at its address $5 text, and has been for $2 float8 seconds: of the client
-- $6 text, at most $3 int, for the reason $4 text. Where its other addresses wait too, these are read and left: each
-- worker does so about once a minute, which is how often it tries a dead receiver.
WITH overdue AS MATERIALIZED (
    SELECT d.delivery_id
      FROM rowcall.webhook_deliveries AS d
     WHERE d.status = 'PENDING' AND d.target = $1 AND d.url = $5 AND d.client_id = $6 AND d.next_attempt_at <= now()
       AND d.due_since < now() - make_interval(secs => $2::float8)
     ORDER BY d.next_attempt_at
     LIMIT $3::int
       FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE rowcall.webhook_deliveries AS d
   SET status = 'DEAD', status_reason = $4, next_attempt_at = NULL, finished_at = clock_timestamp()
  FROM overdue AS o
 WHERE d.delivery_id = o.delivery_id
RETURNING d.delivery_id
