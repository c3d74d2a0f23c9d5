-- Delete deliveries that have been over for $1 int days, at most $2 int, the oldest first.
DELETE FROM rowcall.webhook_deliveries
 WHERE delivery_id IN (
       SELECT d.delivery_id
         FROM rowcall.webhook_deliveries AS d
        WHERE d.finished_at < now() - make_interval(days => $1::int)
        ORDER BY d.finished_at
        LIMIT $2::int
          FOR UPDATE SKIP LOCKED)
RETURNING delivery_id
