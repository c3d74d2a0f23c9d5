-- Take up to $4 int queued executions that are available, lane by lane, and make them RUNNING under worker $1 bigint.
-- $2 routes text[] and $3 priorities smallint[] are the lanes · $5 now timestamptz or NULL.
-- $6 and $7 timestamptz or NULL: only what is available from $6 on, and before $7.
-- The schedule is locked along with the execution, and stepped over when busy: nobody here ever waits for a lock.
WITH taken AS MATERIALIZED (
    SELECT q.*
      FROM unnest($2::text[], $3::smallint[]) AS lane (route, priority)
     CROSS JOIN LATERAL (
           SELECT o.execution_id, o.schedule_id, o.scheduled_for, o.trigger, o.fence
             FROM rowcall.open_executions AS o
             JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id
            WHERE o.route = lane.route AND o.priority = lane.priority
              AND o.available_at <= coalesce($5::timestamptz, statement_timestamp())
              AND o.available_at >= coalesce($6::timestamptz, '-infinity')
              AND o.available_at < coalesce($7::timestamptz, 'infinity')
            ORDER BY o.available_at
            LIMIT $4::int
              FOR NO KEY UPDATE OF o, s SKIP LOCKED) AS q
     LIMIT $4::int
), leased AS (
    UPDATE rowcall.open_executions AS o
       SET worker_id = $1, available_at = NULL, fence = o.fence + 1
      FROM taken AS t
     WHERE o.execution_id = t.execution_id
), started AS (
    UPDATE rowcall.schedule_executions AS e
       SET status = 'RUNNING', worker_id = $1, available_at = NULL, executed_at = statement_timestamp(),
           attempt = e.attempt + 1, fence = t.fence + 1
      FROM taken AS t
     WHERE e.execution_id = t.execution_id AND e.scheduled_for = t.scheduled_for AND e.schedule_id = t.schedule_id
 RETURNING e.execution_id, e.schedule_id, e.scheduled_for, e.executed_at, e.attempt, e.fence, e.trigger, e.task_type,
           e.capability_required, e.priority, e.input_data
), counted AS (
    UPDATE rowcall.schedules AS s
       SET total_runs = s.total_runs + f.first_runs,
           last_run_at = statement_timestamp(),
           last_execution_id = f.execution_id
      FROM (SELECT schedule_id, max(execution_id) AS execution_id, (count(*) FILTER (WHERE fence = 1))::int AS first_runs
              FROM started GROUP BY schedule_id) AS f
     WHERE s.schedule_id = f.schedule_id AND f.first_runs > 0
)
SELECT r.execution_id, r.schedule_id, r.scheduled_for, r.executed_at, r.attempt, r.fence, r.trigger, r.task_type,
       r.capability_required, r.priority, r.input_data, s.client_id, s.name, s.timeout_seconds, s.max_retries, s.retry_backoff_seconds,
       s.callback_url IS NOT NULL AS tells, s.status = 'DISABLED' AS deleted
  FROM started AS r
  JOIN rowcall.schedules AS s ON s.schedule_id = r.schedule_id
