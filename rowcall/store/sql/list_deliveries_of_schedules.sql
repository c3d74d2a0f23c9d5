-- The ids of the deliveries of a few schedules, the newest first: the first few of each, along deliveries_by_schedule.
-- $1 bigint[]: the schedules · $2 bigint: below this id · $3 int: at most so many. $4 text[]: statuses, NULL: of all. Said as an equality, it
-- would be looked for along the ids of all deliveries, which is quick only where most are of that schedule.
SELECT found.delivery_id
  FROM unnest($1::bigint[]) AS own (schedule_id)
 CROSS JOIN LATERAL (
       SELECT d.delivery_id
         FROM rowcall.webhook_deliveries AS d
        WHERE d.schedule_id >= own.schedule_id AND (d.schedule_id, d.delivery_id) < (own.schedule_id, $2::bigint)
          AND ($4::text[] IS NULL OR d.status = ANY ($4))
        ORDER BY d.schedule_id DESC, d.delivery_id DESC
        LIMIT $3::int) AS found
 ORDER BY found.delivery_id DESC
 LIMIT $3::int
