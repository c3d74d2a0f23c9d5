-- All that the schedules $1 bigint[] were, in order.
SELECT v.schedule_id, v.valid_from, v.version, v.status, v.status_reason, rowcall.rule_of(v.definition) AS rule
  FROM rowcall.schedule_versions AS v
 WHERE v.schedule_id = ANY ($1::bigint[])
 ORDER BY v.schedule_id, v.valid_from
