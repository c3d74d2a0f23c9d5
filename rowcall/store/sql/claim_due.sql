-- Lock up to $3 int due schedules, lane by lane in the order given, so that priority comes before due time.
-- $1 routes text[] and $2 priorities smallint[] are the lanes · $4 now timestamptz or NULL.
-- $5 and $6 timestamptz or NULL: only what is due from $5 on, and before $6.
-- The lock is taken where the index is read: what another replica holds is stepped over, and nothing is locked in vain.
-- Only what starting one takes that is on time: each column costs every run. The rest is due_in_full.sql. First comes
-- what says when it is next, in the order of Standing, and last what its claim holds, as in claims.py: both are read by
-- their places. A next occurrence that is answered for already, which only hands can write, is none.
SELECT s.cron_expression, s.interval_seconds, s.timezone, s.starts_at, s.ends_at, s.jitter_seconds, s.max_executions,
       s.grace_period_seconds,
       CASE WHEN s.last_occurrence_at >= s.next_occurrence_at THEN NULL ELSE s.next_occurrence_at END AS next_occurrence_at,
       s.next_run_at,
       coalesce($4::timestamptz, statement_timestamp()) AS now, s.last_occurrence_at,
       s.schedule_id, s.name, s.client_id, s.task_type, s.input_data, s.timeout_seconds, s.max_retries,
       s.retry_backoff_seconds, s.callback_url IS NOT NULL AS tells
  FROM unnest($1::text[], $2::smallint[]) AS lane (route, priority)
 CROSS JOIN LATERAL (
       SELECT due.*
         FROM rowcall.schedules AS due
        WHERE due.status = 'ACTIVE' AND due.route = lane.route AND due.priority = lane.priority
          AND due.next_run_at <= coalesce($4::timestamptz, statement_timestamp())
          AND due.next_run_at >= coalesce($5::timestamptz, '-infinity')
          AND due.next_run_at < coalesce($6::timestamptz, 'infinity')
        ORDER BY due.next_run_at
        LIMIT $3::int
          FOR NO KEY UPDATE SKIP LOCKED) AS s
 LIMIT $3::int
