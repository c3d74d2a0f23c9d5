-- Lock the backfill $1 bigint and its schedule for feeding, if it may be fed and nobody else holds either of them; with
-- the definition whose trigger names its occurrences.
SELECT b.backfill_id, b.schedule_id, b.until, b.next_after, b.counted_through, b.rate_per_minute, b.max_concurrent,
       s.route, s.created_at,
       (SELECT rowcall.rule_of(v.definition) FROM rowcall.schedule_versions AS v
         WHERE v.schedule_id = b.schedule_id AND v.version = b.schedule_version
         ORDER BY v.valid_from LIMIT 1) AS rule
  FROM rowcall.backfills AS b
  JOIN rowcall.schedules AS s ON s.schedule_id = b.schedule_id
 WHERE b.backfill_id = $1 AND b.status = 'RUNNING' AND b.next_feed_at <= clock_timestamp()
   AND s.status IN ('ACTIVE', 'PAUSED', 'COMPLETED')
   FOR NO KEY UPDATE OF b, s SKIP LOCKED
