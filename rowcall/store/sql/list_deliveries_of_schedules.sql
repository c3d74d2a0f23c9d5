-- The ids of the deliveries of a few schedules, the newest first, along deliveries_by_schedule.
-- $1 bigint[]: the schedules · $2 bigint: below this id · $3 int: at most so many. $4 text[]: statuses, NULL: of all.
-- An equal share is taken of each first, as in list_executions_of_schedules.sql, and for the same reason. The schedule is
-- not said as an equality: it would be looked for along the ids of all, which is quick only where most are of it.
WITH shares AS (
    SELECT share.delivery_id
      FROM unnest($1::bigint[]) AS own (schedule_id)
     CROSS JOIN LATERAL (
           SELECT d.delivery_id
             FROM rowcall.webhook_deliveries AS d
            WHERE d.schedule_id >= own.schedule_id AND (d.schedule_id, d.delivery_id) < (own.schedule_id, $2::bigint)
              AND ($4::text[] IS NULL OR d.status = ANY ($4))
            ORDER BY d.schedule_id DESC, d.delivery_id DESC
            LIMIT 1 + ($3::int - 1) / greatest(1, cardinality($1::bigint[]))) AS share
), earliest AS (
    SELECT delivery_id FROM shares ORDER BY delivery_id DESC OFFSET $3::int - 1 LIMIT 1
)
SELECT found.delivery_id
  FROM unnest($1::bigint[]) AS own (schedule_id)
 CROSS JOIN LATERAL (
       SELECT d.delivery_id
         FROM rowcall.webhook_deliveries AS d
        WHERE (d.schedule_id, d.delivery_id) >= (own.schedule_id, coalesce((SELECT delivery_id FROM earliest), 0))
          AND (d.schedule_id, d.delivery_id) < (own.schedule_id, $2::bigint)
          AND ($4::text[] IS NULL OR d.status = ANY ($4))
        ORDER BY d.schedule_id DESC, d.delivery_id DESC
        LIMIT $3::int) AS found
 ORDER BY found.delivery_id DESC
 LIMIT $3::int
