-- Put executions back in the queue: a retry after a failure or a loss, or one given back. Those whose end was requested
-- stay as they are. $1 worker bigint; arrays, one element a run: $2 execution_id · $3 scheduled_for · $4 fence
-- $5 delay in seconds · $6 attempts to give back (0 or 1) · $7 an entry for errors, jsonb or NULL · $8 error_message
-- $9 schedule_id. Found and compared as in finish_executions, for the same reasons.
WITH returned AS (
    SELECT *
      FROM unnest($2::bigint[], $3::timestamptz[], $4::int[], $5::float8[], $6::int[], $7::jsonb[], $8::text[],
                  $9::bigint[])
        AS r (execution_id, scheduled_for, fence, delay_seconds, given_back, entry, error_message, schedule_id)
), released AS (
    UPDATE rowcall.open_executions AS o
       SET worker_id = NULL,
           available_at = statement_timestamp() + make_interval(secs => r.delay_seconds)
      FROM returned AS r
     WHERE o.execution_id = r.execution_id AND o.fence = r.fence AND o.worker_id IS NOT DISTINCT FROM $1
       AND o.cancel_requested_at IS NULL AND o.schedule_id = r.schedule_id AND o.scheduled_for = r.scheduled_for
 RETURNING r.*, o.available_at
)
UPDATE rowcall.schedule_executions AS e
   SET status = 'QUEUED', worker_id = NULL, available_at = r.available_at,
       attempt = e.attempt - r.given_back,
       error_message = coalesce(r.error_message, e.error_message),
       errors = CASE WHEN r.entry IS NULL THEN e.errors ELSE coalesce(e.errors, '[]') || r.entry END
  FROM released AS r
 WHERE e.execution_id = r.execution_id AND e.scheduled_for = r.scheduled_for AND e.schedule_id = r.schedule_id
   AND e.fence = r.fence
RETURNING e.execution_id, e.schedule_id
