-- Note how attempt $2 int of the delivery $1 bigint went: its status is $3 text now, for the reason $4 text; if it is still
-- PENDING, it is tried again after $5 float8 seconds. $6 jsonb is the entry for its history, which keeps the last thirty.
-- $7 timestamptz: since when it was due as it was taken; it is another where it was redirected or asked for anew meanwhile.
UPDATE rowcall.webhook_deliveries AS d
   SET status          = $3,
       status_reason   = $4,
       next_attempt_at = CASE WHEN $3 = 'PENDING' THEN clock_timestamp() + make_interval(secs => $5::float8) END,
       finished_at     = CASE WHEN $3 <> 'PENDING' THEN clock_timestamp() END,
       history         = CASE WHEN jsonb_array_length(d.history) < 30 THEN d.history ELSE d.history - 0 END || $6::jsonb
 WHERE d.delivery_id = $1 AND d.attempt = $2 AND d.status = 'PENDING' AND d.due_since = $7
RETURNING d.delivery_id
