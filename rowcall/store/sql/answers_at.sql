-- The rows that stand at the occurrences $2 timestamptz[] of the schedule $1 bigint, and whether each was ever to run;
-- $3 and $4 timestamptz are the earliest and the latest of these moments, so that other partitions are left alone.
SELECT e.execution_id, e.scheduled_for,
       e.fence = 0 AND e.status IN ('SKIPPED', 'MISSED', 'CANCELLED') AS never_ran
  FROM unnest($2::timestamptz[]) AS m (moment)
  JOIN rowcall.schedule_executions AS e
    ON e.schedule_id = $1 AND e.scheduled_for = m.moment AND e.trigger <> 'manual'
   AND e.scheduled_for BETWEEN $3::timestamptz AND $4::timestamptz
