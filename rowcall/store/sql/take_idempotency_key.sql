-- Take the key $2 text of the bearer $1 text for the request $3 bytea: a row where it is free, or older than $4 float8
-- seconds; nothing where it was used. Who comes while another one's transaction holds it waits for the end of that.
INSERT INTO rowcall.idempotency_keys AS k (who, idempotency_key, fingerprint)
VALUES ($1, $2, $3)
    ON CONFLICT (who, idempotency_key) DO UPDATE
   SET fingerprint = excluded.fingerprint, status = NULL, headers = NULL, body = NULL, created_at = excluded.created_at
 WHERE k.created_at < now() - make_interval(secs => $4::float8)
RETURNING k.idempotency_key
