-- Up to $1 int schedules that can't be scheduled, and why.
SELECT s.schedule_id, s.name, s.status_reason FROM rowcall.schedules AS s
 WHERE s.status = 'INVALID' ORDER BY s.schedule_id LIMIT $1::int
