-- Keep the hash $3 bytea of the token by which the execution $1 bigint may be ended from inside its own work, if it runs
-- at the fence $2 int; no row, if it does not. Tokens of attempts that are over go on the way: they are good for nothing.
WITH forgotten AS (
    DELETE FROM rowcall.run_tokens AS t
     WHERE t.issued_at < now() - interval '1 day' AND t.execution_id <> $1
       AND NOT EXISTS (SELECT FROM rowcall.open_executions AS o
                        WHERE o.execution_id = t.execution_id AND o.fence = t.fence AND o.worker_id = t.worker_id)
)
INSERT INTO rowcall.run_tokens AS t (execution_id, fence, worker_id, token_hash)
SELECT o.execution_id, o.fence, o.worker_id, $3
  FROM rowcall.open_executions AS o
 WHERE o.execution_id = $1 AND o.fence = $2 AND o.worker_id IS NOT NULL
    ON CONFLICT (execution_id) DO UPDATE
   SET fence = EXCLUDED.fence, worker_id = EXCLUDED.worker_id, token_hash = EXCLUDED.token_hash, issued_at = now()
 WHERE t.fence <= EXCLUDED.fence
RETURNING t.execution_id
