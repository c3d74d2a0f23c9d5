-- Revoke the API key $1 text; revoking it twice changes nothing.
UPDATE rowcall.api_keys AS k
   SET revoked_at = clock_timestamp()
 WHERE k.key_id = $1 AND k.revoked_at IS NULL
RETURNING k.key_id
