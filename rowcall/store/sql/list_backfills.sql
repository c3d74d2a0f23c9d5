-- A page of backfills, the newest first. $1 bigint: below this id · $2 int: at most so many. NULL leaves open:
-- $3 schedule bigint · $4 statuses text[].
SELECT b.backfill_id
  FROM rowcall.backfills AS b
 WHERE b.backfill_id < $1
   AND ($3::bigint IS NULL OR b.schedule_id = $3)
   AND ($4::text[] IS NULL OR b.status = ANY ($4))
 ORDER BY b.backfill_id DESC
 LIMIT $2::int
