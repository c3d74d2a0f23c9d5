-- How many deliveries died within a day, along deliveries_over, and for whom the latest was.
SELECT count(*) AS deliveries, (array_agg(d.target ORDER BY d.finished_at DESC))[1] AS target
  FROM rowcall.webhook_deliveries AS d
 WHERE d.finished_at > now() - interval '1 day' AND d.status = 'DEAD'
