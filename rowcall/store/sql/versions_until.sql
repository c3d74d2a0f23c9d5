-- The definitions and statuses of the schedule $1 bigint up to $2 timestamptz (NULL: now), the newest first; at most 500.
SELECT v.valid_from, v.version, v.status, v.status_reason, rowcall.rule_of(v.definition) AS rule
  FROM rowcall.schedule_versions AS v
 WHERE v.schedule_id = $1 AND v.valid_from <= coalesce($2::timestamptz, 'infinity')
 ORDER BY v.valid_from DESC
 LIMIT 500
