-- Worker $1 bigint declares the static schedules $2 jsonb: source → client/name → fingerprint.
UPDATE rowcall.workers AS w
   SET declares = $2
 WHERE w.worker_id = $1
