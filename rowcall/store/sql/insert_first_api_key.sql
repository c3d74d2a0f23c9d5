-- The first API key of all, for administrators: $1 key_id text · $2 secret_hash bytea · $3 name text. Nothing, if there
-- is any key already; of several that come at once, the lock lets one through.
WITH locked AS MATERIALIZED (
    SELECT i.only_row FROM rowcall.installation AS i FOR UPDATE
)
INSERT INTO rowcall.api_keys (key_id, secret_hash, name, scopes)
SELECT $1, $2, $3, ARRAY['admin'] FROM locked WHERE NOT EXISTS (SELECT FROM rowcall.api_keys)
RETURNING key_id
