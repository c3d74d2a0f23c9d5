-- The schedules to audit: those of $1 bigint[] or all (NULL), after id $2 bigint, up to $3 int.
SELECT s.schedule_id, s.name, s.status, s.created_at, s.updated_at, s.last_occurrence_at, s.next_occurrence_at,
       s.next_run_at, s.grace_period_seconds
  FROM rowcall.schedules AS s
 WHERE s.schedule_id > $2::bigint AND ($1::bigint[] IS NULL OR s.schedule_id = ANY ($1::bigint[]))
 ORDER BY s.schedule_id
 LIMIT $3::int
