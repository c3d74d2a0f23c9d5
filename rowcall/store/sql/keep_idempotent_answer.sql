-- Keep what was answered to the key $2 text of the bearer $1 text: $3 status integer · $4 headers jsonb · $5 body text.
UPDATE rowcall.idempotency_keys AS k
   SET status = $3, headers = $4, body = $5
 WHERE k.who = $1 AND k.idempotency_key = $2
RETURNING k.idempotency_key
