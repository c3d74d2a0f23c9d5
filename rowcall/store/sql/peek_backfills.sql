-- The backfills that go on and that a worker with the routes $1 text[] can run: of which schedule, and in how many
-- seconds each may be fed.
SELECT b.backfill_id, b.schedule_id, extract(epoch FROM b.next_feed_at - clock_timestamp())::float8 AS due_in
  FROM rowcall.backfills AS b
  JOIN rowcall.schedules AS s ON s.schedule_id = b.schedule_id
 WHERE b.status = 'RUNNING' AND s.route = ANY ($1::text[]) AND s.status IN ('ACTIVE', 'PAUSED', 'COMPLETED')
 ORDER BY b.next_feed_at
 LIMIT 1000
