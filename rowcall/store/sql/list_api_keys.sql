-- API keys, the oldest first: those that are valid, and with $1 boolean all that ever were; $2 key_id text or NULL for any.
SELECT k.key_id, k.client_id, k.name, k.scopes, k.created_at, k.expires_at, k.last_used_at, k.revoked_at
  FROM rowcall.api_keys AS k
 WHERE ($1::boolean OR k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp()))
   AND ($2::text IS NULL OR k.key_id = $2)
 ORDER BY k.created_at, k.key_id
