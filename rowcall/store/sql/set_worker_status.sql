-- Worker $1 bigint is now $2 text: DRAINING, or STOPPED, which ends it.
UPDATE rowcall.workers AS w
   SET status = $2, ended_at = CASE WHEN $2 = 'STOPPED' THEN clock_timestamp() END
 WHERE w.worker_id = $1 AND w.ended_at IS NULL
