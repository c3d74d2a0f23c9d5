-- Move the cursor of the locked backfill $1 bigint to $2 timestamptz: $3 int occurrences were enqueued, $4 int had run
-- before; it may be fed again in $5 float8 seconds.
UPDATE rowcall.backfills AS b
   SET next_after = $2::timestamptz, enqueued = b.enqueued + $3::int, already_answered = b.already_answered + $4::int,
       next_feed_at = clock_timestamp() + make_interval(secs => $5::float8), last_fed_at = clock_timestamp()
 WHERE b.backfill_id = $1
