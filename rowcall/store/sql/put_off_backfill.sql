-- Feed the locked backfill $1 bigint again in $2 float8 seconds, and not before.
UPDATE rowcall.backfills AS b
   SET next_feed_at = clock_timestamp() + make_interval(secs => $2::float8)
 WHERE b.backfill_id = $1
