-- A new API key: $1 key_id text · $2 secret_hash bytea · $3 client_id text · $4 name text · $5 scopes text[]
-- $6 expires_at timestamptz or NULL.
INSERT INTO rowcall.api_keys (key_id, secret_hash, client_id, name, scopes, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING key_id
