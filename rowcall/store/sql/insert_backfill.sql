-- Write down a backfill of the locked schedule $1 bigint, version $2 int, from $3 timestamptz to $4, of $5 bigint
-- occurrences; $6 rate_per_minute and $7 max_concurrent int · $8 requested_by text · $9 reason text or NULL. Its id.
WITH written AS (
    INSERT INTO rowcall.backfills
                (schedule_id, schedule_version, since, until, next_after, counted_through, total, rate_per_minute,
                 max_concurrent, requested_by, reason)
    VALUES ($1, $2, $3::timestamptz, $4, $3::timestamptz - interval '1 microsecond',
            $3::timestamptz - interval '1 microsecond', $5, $6, $7, $8, $9)
 RETURNING backfill_id
)
SELECT w.backfill_id, pg_notify('rowcall', 'look') FROM written AS w
