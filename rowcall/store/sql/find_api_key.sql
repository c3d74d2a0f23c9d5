-- The API key $1 text; `expires_in` are the seconds it has left, NULL if it does not expire.
SELECT k.key_id, k.secret_hash, k.client_id, k.name, k.scopes, k.revoked_at IS NOT NULL AS is_revoked,
       extract(epoch FROM k.expires_at - clock_timestamp())::float8 AS expires_in
  FROM rowcall.api_keys AS k
 WHERE k.key_id = $1
