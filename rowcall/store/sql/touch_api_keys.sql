-- The API keys $1 text[] are in use. Written once a minute for each, however many replicas see them.
UPDATE rowcall.api_keys AS k
   SET last_used_at = clock_timestamp()
 WHERE k.key_id = ANY ($1::text[])
   AND (k.last_used_at IS NULL OR k.last_used_at < clock_timestamp() - interval '55 seconds')
