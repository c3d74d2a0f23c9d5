-- Lock the backfill $1 bigint, so that nobody feeds it meanwhile; its status.
SELECT b.status FROM rowcall.backfills AS b WHERE b.backfill_id = $1 FOR UPDATE
