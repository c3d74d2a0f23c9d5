-- What the key $2 text of the bearer $1 text was used for, and what was answered.
SELECT k.fingerprint, k.status, k.headers, k.body
  FROM rowcall.idempotency_keys AS k
 WHERE k.who = $1 AND k.idempotency_key = $2
