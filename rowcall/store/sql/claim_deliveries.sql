-- Take what is due for the receivers $1 text[], of each at most as many as $2 int[] says, for $3 float8 seconds: if nobody
-- notes within them how it went, another worker delivers it again.
WITH taken AS MATERIALIZED (
    SELECT due.delivery_id
      FROM unnest($1::text[], $2::int[]) AS receiver (target, room)
     CROSS JOIN LATERAL (
           SELECT d.delivery_id
             FROM rowcall.webhook_deliveries AS d
            WHERE d.status = 'PENDING' AND d.target = receiver.target AND d.next_attempt_at <= now()
            ORDER BY d.next_attempt_at
            LIMIT receiver.room
              FOR NO KEY UPDATE SKIP LOCKED) AS due
)
UPDATE rowcall.webhook_deliveries AS d
   SET attempt = d.attempt + 1, next_attempt_at = clock_timestamp() + make_interval(secs => $3::float8),
       tried_since = coalesce(d.tried_since, clock_timestamp())
  FROM taken AS t
 WHERE d.delivery_id = t.delivery_id
RETURNING d.delivery_id, d.schedule_id, d.execution_id, d.client_id, d.event, d.url, d.target, d.payload, d.attempt,
          d.due_since, clock_timestamp() AS now, extract(epoch FROM clock_timestamp() - d.tried_since)::float8 AS age_seconds
