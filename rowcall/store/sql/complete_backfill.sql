-- The locked backfill $1 bigint is over: all its occurrences are seen to, and none is open.
UPDATE rowcall.backfills AS b SET status = 'DONE', finished_at = clock_timestamp() WHERE b.backfill_id = $1
