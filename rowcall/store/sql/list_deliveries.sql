-- Deliveries with ids below $1 bigint, the newest first, at most $2 int; of the schedule $3 bigint, the execution $4 bigint
-- and the statuses $5 text[], where these are given, or those of $7 bigint[] alone.
-- $6 client text: only of its own schedules, static ones aside. The address is left out: it may be a secret in itself.
SELECT d.delivery_id, i.installation_id, d.schedule_id, d.execution_id, d.client_id, d.event, d.target, d.status, d.status_reason,
       d.attempt, d.next_attempt_at, d.history, d.payload, d.created_at, d.due_since, d.finished_at
  FROM rowcall.webhook_deliveries AS d
 CROSS JOIN rowcall.installation AS i
 WHERE d.delivery_id < $1
   AND ($3::bigint IS NULL OR d.schedule_id = $3)
   AND ($4::bigint IS NULL OR d.execution_id = $4)
   AND ($5::text[] IS NULL OR d.status = ANY ($5))
   AND ($7::bigint[] IS NULL OR d.delivery_id = ANY ($7))
   AND ($6::text IS NULL OR EXISTS (
        SELECT FROM rowcall.schedules AS s
         WHERE s.schedule_id = d.schedule_id AND s.client_id = $6 AND NOT s.is_static))
 ORDER BY d.delivery_id DESC
 LIMIT $2::int
