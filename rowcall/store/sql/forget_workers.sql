-- Forget workers that ended more than a week ago and own nothing.
DELETE FROM rowcall.workers AS w
 WHERE w.ended_at < now() - interval '7 days'
   AND NOT EXISTS (SELECT FROM rowcall.open_executions AS o WHERE o.worker_id = w.worker_id)
