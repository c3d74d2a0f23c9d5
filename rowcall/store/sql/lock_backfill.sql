-- Lock the backfill $1 bigint, so that nobody feeds it meanwhile; its status. Nothing, if it is not of a schedule, static
-- ones aside, of $2 client text; NULL: of all.
SELECT b.status
  FROM rowcall.backfills AS b
 WHERE b.backfill_id = $1
   AND ($2::text IS NULL OR EXISTS (
        SELECT FROM rowcall.schedules AS s
         WHERE s.schedule_id = b.schedule_id AND s.client_id = $2 AND NOT s.is_static))
   FOR UPDATE
