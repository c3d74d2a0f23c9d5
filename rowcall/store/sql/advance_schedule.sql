-- Advance the schedule $1 bigint, of which nothing runs now. $2 timestamptz is its last_occurrence_at, $3 its
-- next_occurrence_at, $4 its next_run_at.
UPDATE rowcall.schedules AS s
   SET last_occurrence_at = $2::timestamptz, next_occurrence_at = $3::timestamptz, next_run_at = $4::timestamptz
 WHERE s.schedule_id = $1
