-- Set aside schedules that can't be scheduled, with the reason. $1 schedule_id bigint[] · $2 reason text[].
UPDATE rowcall.schedules AS s
   SET status = 'INVALID', status_reason = bad.reason
  FROM unnest($1::bigint[], $2::text[]) AS bad (schedule_id, reason)
 WHERE s.schedule_id = bad.schedule_id
