-- Where the answers of the schedule $1 bigint stand, or else from where they will begin; and what retention left:
-- locked, so that a floor that is raised meanwhile finds the backfill that is about to be written.
-- `begins_at` is NULL where any moment may be answered for: a single one counts from whenever. `is_forgotten`: of what may
-- have run from $2 timestamptz on and before $3 timestamptz, by itself or by a backfill, some is no longer known.
SELECT s.last_occurrence_at, i.history_floor_at, v.begins_at,
       i.history_floor_at > i.created_at AND $2::timestamptz < i.history_floor_at
       AND (coalesce(v.begins_at, '-infinity') < least($3::timestamptz, i.history_floor_at)
            OR EXISTS (SELECT FROM rowcall.backfills AS b
                        WHERE b.schedule_id = $1 AND b.until > $2::timestamptz
                          AND b.since < least($3::timestamptz, i.history_floor_at))) AS is_forgotten
  FROM rowcall.schedules AS s
 CROSS JOIN rowcall.installation AS i
 CROSS JOIN LATERAL (
       SELECT CASE WHEN NOT coalesce(bool_or(d.definition ->> 'schedule_type' = 'one_time'), false)
                   THEN least(s.created_at, min((d.definition ->> 'starts_at')::timestamptz)) END AS begins_at
         FROM rowcall.schedule_versions AS d
        WHERE d.schedule_id = s.schedule_id) AS v
 WHERE s.schedule_id = $1
   FOR SHARE OF i
