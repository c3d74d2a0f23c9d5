-- What the schedule $1 bigint was, and since when, back to its last answer, $2 timestamptz: spans_of.sql of one.
SELECT v.valid_from, v.status, v.status_reason, rowcall.rule_of(v.definition) AS rule
  FROM rowcall.schedule_versions AS v
 WHERE v.schedule_id = $1
   AND v.valid_from >= coalesce(
       (SELECT max(before.valid_from)
          FROM rowcall.schedule_versions AS before
         WHERE before.schedule_id = $1 AND before.valid_from <= $2::timestamptz), '-infinity')
 ORDER BY v.valid_from
