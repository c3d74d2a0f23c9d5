-- The backfills $1 bigint[], the newest first, with what has become of them so far. Results behind `counted_through` are
-- in the counts; those from there to the cursor are counted here. $2 client text: only of its own schedules,
-- static ones aside; NULL: of all.
SELECT b.backfill_id, b.schedule_id, s.name AS schedule_name, b.since, b.until, b.rate_per_minute, b.max_concurrent, b.status,
       b.status_reason, b.requested_by, b.reason, b.total, b.enqueued, b.already_answered,
       b.succeeded + coalesce(r.succeeded, 0) AS succeeded, b.failed + coalesce(r.failed, 0) AS failed,
       b.cancelled + coalesce(r.cancelled, 0) AS cancelled, o.open, b.next_after, b.last_fed_at, b.created_at, b.finished_at
  FROM rowcall.backfills AS b
  LEFT JOIN rowcall.schedules AS s ON s.schedule_id = b.schedule_id
 CROSS JOIN LATERAL (
       SELECT count(*) AS open FROM rowcall.open_executions AS p WHERE p.backfill_id = b.backfill_id) AS o
  LEFT JOIN LATERAL (
       SELECT count(*) FILTER (WHERE e.status = 'SUCCEEDED') AS succeeded,
              count(*) FILTER (WHERE e.status IN ('FAILED', 'TIMED_OUT', 'LOST')) AS failed,
              count(*) FILTER (WHERE e.status = 'CANCELLED') AS cancelled
         FROM rowcall.schedule_executions AS e
        WHERE e.schedule_id = b.schedule_id AND e.backfill_id = b.backfill_id
          AND e.scheduled_for > b.counted_through AND e.scheduled_for <= b.next_after) AS r
       ON b.counted_through < b.next_after
 WHERE b.backfill_id = ANY ($1::bigint[])
   AND ($2::text IS NULL OR s.client_id = $2 AND NOT s.is_static)
 ORDER BY b.backfill_id DESC
