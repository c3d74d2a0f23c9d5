-- Put the schedule $1 bigint into the status $2 text, for the reason $3 text. $4 and $5 timestamptz: what is next for it,
-- where that is known already, or NULL. What that changed, and the moment.
UPDATE rowcall.schedules AS s
   SET status = $2, status_reason = $3, next_occurrence_at = coalesce($4, s.next_occurrence_at),
       next_run_at = coalesce($5, s.next_run_at)
 WHERE s.schedule_id = $1
RETURNING s.status, s.status_reason, s.next_occurrence_at, s.next_run_at, s.updated_at, s.disabled_at,
          clock_timestamp() AS now
