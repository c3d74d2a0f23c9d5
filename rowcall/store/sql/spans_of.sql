-- What schedules were, and since when, back to their last answer. $1 schedule_id bigint[] · $2 last answer timestamptz[].
SELECT v.schedule_id, v.valid_from, v.status, v.status_reason, rowcall.rule_of(v.definition) AS rule
  FROM unnest($1::bigint[], $2::timestamptz[]) AS asked (schedule_id, last_answer)
  JOIN rowcall.schedule_versions AS v ON v.schedule_id = asked.schedule_id
 WHERE v.valid_from >= coalesce(
       (SELECT max(before.valid_from)
          FROM rowcall.schedule_versions AS before
         WHERE before.schedule_id = asked.schedule_id AND before.valid_from <= asked.last_answer), '-infinity')
 ORDER BY v.schedule_id, v.valid_from
