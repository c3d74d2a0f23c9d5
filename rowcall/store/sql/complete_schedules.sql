-- Close schedules that are over. $1 schedule_id bigint[] · $2 reason text[].
UPDATE rowcall.schedules AS s
   SET status = 'COMPLETED', status_reason = ended.reason
  FROM unnest($1::bigint[], $2::text[]) AS ended (schedule_id, reason)
 WHERE s.schedule_id = ended.schedule_id
