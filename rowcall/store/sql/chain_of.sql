-- Where the answers of the schedule $1 bigint stand, or else from where they will begin; and what retention left:
-- locked, so that a floor that is raised meanwhile finds the backfill that is about to be written.
-- `begins_at` is NULL where any moment may be answered for: a single one counts from whenever.
SELECT s.last_occurrence_at, i.history_floor_at, i.history_floor_at > i.created_at AS was_raised,
       CASE WHEN NOT v.was_once THEN least(s.created_at, v.starts_at) END AS begins_at
  FROM rowcall.schedules AS s
 CROSS JOIN rowcall.installation AS i
 CROSS JOIN LATERAL (
       SELECT coalesce(bool_or(d.definition ->> 'schedule_type' = 'one_time'), false) AS was_once,
              min((d.definition ->> 'starts_at')::timestamptz) AS starts_at
         FROM rowcall.schedule_versions AS d
        WHERE d.schedule_id = s.schedule_id) AS v
 WHERE s.schedule_id = $1
   FOR SHARE OF i
