-- A page of backfills, the newest first. $1 bigint: below this id · $2 int: at most so many. NULL leaves open:
-- $3 schedule bigint · $4 statuses text[] · $5 client text: only of its own schedules, static ones aside.
SELECT b.backfill_id
  FROM rowcall.backfills AS b
 WHERE b.backfill_id < $1
   AND ($3::bigint IS NULL OR b.schedule_id = $3)
   AND ($4::text[] IS NULL OR b.status = ANY ($4))
   AND ($5::text IS NULL OR EXISTS (
        SELECT FROM rowcall.schedules AS s
         WHERE s.schedule_id = b.schedule_id AND s.client_id = $5 AND NOT s.is_static))
 ORDER BY b.backfill_id DESC
 LIMIT $2::int
