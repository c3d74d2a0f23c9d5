-- What is open of the locked backfill $1 bigint, the earliest of that, and how much room the lane of backfills has on the
-- route $2 text: a quarter of the slots of the workers alive that have it, one at least.
SELECT (count(*) FILTER (WHERE o.backfill_id = $1))::int AS open,
       min(o.scheduled_for) FILTER (WHERE o.backfill_id = $1) AS earliest_at,
       (greatest(1, (SELECT sum(w.slots) FROM rowcall.workers AS w
                      WHERE w.ended_at IS NULL AND $2::text = ANY (w.routes)
                        AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()) / 4)
        - count(*) FILTER (WHERE o.route = $2::text OR o.worker_id IS NOT NULL))::int AS room
  FROM rowcall.open_executions AS o
 WHERE o.backfill_id IS NOT NULL
