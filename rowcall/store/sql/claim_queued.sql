-- Lock up to $3 int queued executions that are available, lane by lane in the order given.
-- $1 routes text[] and $2 priorities smallint[] are the lanes · $4 now timestamptz or NULL.
-- $5 and $6 timestamptz or NULL: only what is available from $5 on, and before $6.
-- The schedule is locked along with the execution, and stepped over when busy: nobody here ever waits for a lock. It is
-- found by its key, one at a time: a join whose plan is kept from when the tables were empty would read all of them.
SELECT q.execution_id, q.schedule_id, q.scheduled_for, q.trigger, q.fence, q.client_id, q.name, q.timeout_seconds,
       q.max_retries, q.retry_backoff_seconds, q.tells, q.deleted, q.backfilled
  FROM unnest($1::text[], $2::smallint[]) AS lane (route, priority)
 CROSS JOIN LATERAL (
       SELECT o.execution_id, o.schedule_id, o.scheduled_for, o.trigger, o.fence, s.client_id, s.name,
              s.timeout_seconds, s.max_retries, s.retry_backoff_seconds, s.tells, s.deleted,
              o.backfill_id IS NOT NULL AS backfilled
         FROM rowcall.open_executions AS o
        CROSS JOIN LATERAL (
              SELECT k.client_id, k.name, k.timeout_seconds, k.max_retries, k.retry_backoff_seconds,
                     k.callback_url IS NOT NULL AS tells, k.status = 'DISABLED' AS deleted
                FROM rowcall.schedules AS k
               WHERE k.schedule_id = o.schedule_id
               LIMIT 1
                 FOR NO KEY UPDATE SKIP LOCKED) AS s
        WHERE o.route = lane.route AND o.priority = lane.priority
          AND o.available_at <= coalesce($4::timestamptz, statement_timestamp())
          AND o.available_at >= coalesce($5::timestamptz, '-infinity')
          AND o.available_at < coalesce($6::timestamptz, 'infinity')
        ORDER BY o.available_at
        LIMIT $3::int
          FOR NO KEY UPDATE OF o SKIP LOCKED) AS q
 LIMIT $3::int
