-- Put the schedule $1 bigint into the status $2 text, for the reason $3 text. $4 and $5 timestamptz: what is next for it,
-- where that is known already, or NULL. $6 xid: only if it is still as that transaction wrote it; $7 text: who does it;
-- NULL where it is locked, and that is known. $8 timestamptz: not if the statement begins only then. What that changed, and
-- the moment.
UPDATE rowcall.schedules AS s
   SET status = $2, status_reason = $3, next_occurrence_at = coalesce($4, s.next_occurrence_at),
       next_run_at = coalesce($5, s.next_run_at)
 WHERE s.schedule_id = $1
   AND ($6::xid IS NULL OR s.xmin = $6)
   AND ($7::text IS NULL OR set_config('rowcall.who', $7, true) = $7)
   AND ($8::timestamptz IS NULL OR statement_timestamp() < $8)
RETURNING s.status, s.status_reason, s.next_occurrence_at, s.next_run_at, s.updated_at, s.disabled_at,
          clock_timestamp() AS now
