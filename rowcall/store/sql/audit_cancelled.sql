-- Write into the log of changes that somebody cancelled the execution $1 bigint of the schedule $2 bigint, which was queued;
-- for the reason $3 text.
SELECT rowcall.write_audit('execution.cancelled', $1::bigint::text, s.schedule_id, s.client_id, '{"status": "QUEUED"}',
                           jsonb_build_object('status', 'CANCELLED', 'reason', $3::text))
  FROM rowcall.schedules AS s
 WHERE s.schedule_id = $2
