-- Give schedules another next occurrence where the one they had still lies ahead, and is what it was; how many were moved.
-- Arrays, one element a schedule: $1 schedule_id · $2 version int · $3 next_occurrence_at so far · $4 next_occurrence_at
-- $5 next_run_at (both NULL: to be planned).
WITH moved AS (
    UPDATE rowcall.schedules AS s
       SET next_occurrence_at = p.next_occurrence_at, next_run_at = p.next_run_at
      FROM unnest($1::bigint[], $2::int[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
        AS p (schedule_id, version, so_far, next_occurrence_at, next_run_at)
     WHERE s.schedule_id = p.schedule_id AND s.version = p.version AND s.status = 'ACTIVE'
       AND s.next_occurrence_at = p.so_far AND s.next_occurrence_at > clock_timestamp()
    RETURNING s.schedule_id
)
SELECT count(*) AS moved, CASE WHEN count(*) > 0 THEN pg_notify('rowcall', 'look') END FROM moved
