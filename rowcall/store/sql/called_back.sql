-- Up to $1 int clients with a schedule that tells a callback_url of its executions. It reads every schedule.
SELECT DISTINCT s.client_id
  FROM rowcall.schedules AS s
 WHERE s.callback_url IS NOT NULL AND s.status <> 'DISABLED'
 ORDER BY s.client_id
 LIMIT $1::int
