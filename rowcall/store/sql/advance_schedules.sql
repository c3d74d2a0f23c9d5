-- Advance schedules of which nothing runs now. Arrays, one element a schedule: $1 schedule_id · $2 last_occurrence_at
-- $3 next_occurrence_at · $4 next_run_at · $5 counted runs int.
UPDATE rowcall.schedules AS s
   SET last_occurrence_at = p.last_occurrence_at,
       next_occurrence_at = p.next_occurrence_at,
       next_run_at        = p.next_run_at,
       scheduled_runs     = s.scheduled_runs + p.counted
  FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::int[])
    AS p (schedule_id, last_occurrence_at, next_occurrence_at, next_run_at, counted)
 WHERE s.schedule_id = p.schedule_id
