-- What a sweep would find to do, and what the other duties would, in one row: most of the time that is nothing at all.
-- $1 routes text[] of this replica · $2 sources text[] of its static schedules · $3 int days that deliveries are kept,
-- $4 int the log of changes, $5 int figures of dropped days (0: for ever) · $6 float8 seconds that idempotency keys are.
-- $7 timestamptz or NULL: this replica's looks begin there.
-- Each question is a probe that ends with the first row; what it finds is looked at by the statement named beside it.
WITH lanes AS MATERIALIZED (
    SELECT l.route, l.priority FROM rowcall.lanes AS l
), declared AS MATERIALIZED (
    SELECT s.source, s.status, s.client_id || '/' || s.name AS key
      FROM rowcall.schedule_terms AS t
      JOIN rowcall.schedules AS s ON s.schedule_id = t.schedule_id
     WHERE t.term = 'static:' AND s.source = ANY ($2::text[])
), alive AS MATERIALIZED (
    SELECT w.apps, w.declares
      FROM rowcall.workers AS w
     WHERE w.ended_at IS NULL AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()
)
SELECT (now() AT TIME ZONE 'UTC')::date AS today,
       -- ensure_partitions.sql
       EXISTS (SELECT FROM generate_series(-1, 3) AS ahead
                WHERE to_regclass('rowcall.schedule_executions_'
                                  || to_char((now() AT TIME ZONE 'UTC')::date + ahead, 'YYYYMMDD')) IS NULL) AS days,
       -- bury_workers.sql, take_orphans.sql
       EXISTS (SELECT FROM rowcall.workers AS w
                WHERE w.ended_at IS NULL
                  AND (w.last_beat_at + make_interval(secs => w.lease_seconds) <= clock_timestamp()
                       OR w.last_beat_at > clock_timestamp() + interval '1 second'))
       OR EXISTS (SELECT FROM rowcall.open_executions AS o
                    JOIN rowcall.workers AS w ON w.worker_id = o.worker_id AND w.ended_at IS NOT NULL) AS dead,
       -- deleted_but_queued.sql
       EXISTS (SELECT FROM rowcall.open_executions AS o WHERE o.available_at IS NOT NULL) AS queued,
       -- releasable.sql, overtaken.sql
       EXISTS (SELECT FROM rowcall.open_executions AS o
                WHERE o.worker_id IS NULL AND o.available_at IS NULL) AS waiting,
       -- find_unroutable.sql
       EXISTS (SELECT FROM lanes AS l
                WHERE l.route <> ALL ($1::text[])
                  AND (SELECT s.next_run_at FROM rowcall.schedules AS s
                        WHERE s.status = 'ACTIVE' AND s.route = l.route AND s.priority = l.priority
                        ORDER BY s.next_run_at LIMIT 1) <= now()) AS foreign_due,
       -- claim_due.sql: what is due, and stands where no look sees it. It is looked for here, at leisure, because while
       -- somebody holds an old snapshot there are all the dead entries of what was answered before
       EXISTS (SELECT FROM lanes AS l
                WHERE l.route = ANY ($1::text[])
                  AND EXISTS (SELECT FROM rowcall.schedules AS s
                               WHERE s.status = 'ACTIVE' AND s.route = l.route AND s.priority = l.priority
                                 AND s.next_run_at < $7::timestamptz)) AS behind,
       -- fold_outcomes.sql
       (SELECT o.outcome_id FROM rowcall.outcomes AS o ORDER BY o.outcome_id DESC LIMIT 1) IS NOT NULL AS outcomes,
       -- forget_workers.sql, forget_idempotency_keys.sql, forget_audit.sql, forget_rollups.sql
       EXISTS (SELECT FROM rowcall.workers AS w WHERE w.ended_at < now() - interval '7 days')
       OR EXISTS (SELECT FROM rowcall.idempotency_keys AS k WHERE k.created_at < now() - make_interval(secs => $6))
       OR (SELECT a.changed_at FROM rowcall.audit_log AS a ORDER BY a.entry_id LIMIT 1)
          < now() - make_interval(days => nullif($4::int, 0)) IS TRUE
       OR EXISTS (SELECT FROM rowcall.execution_rollups AS r
                   WHERE r.day < (now() AT TIME ZONE 'UTC')::date - nullif($5::int, 0)) AS past,
       -- find_gone.sql
       EXISTS (SELECT FROM declared AS d
                WHERE d.status = 'ACTIVE'
                  AND EXISTS (SELECT FROM alive AS a WHERE d.source = ANY (a.apps))
                  AND NOT EXISTS (SELECT FROM alive AS a
                                   WHERE d.source = ANY (a.apps)
                                     AND (a.declares IS NULL OR a.declares -> d.source ? d.key))) AS gone,
       -- peek_backfills.sql, end_orphaned_backfills.sql
       EXISTS (SELECT FROM rowcall.backfills AS b WHERE b.status = 'RUNNING') AS backfills,
       -- waiting_targets.sql, forget_deliveries.sql
       EXISTS (SELECT FROM rowcall.webhook_deliveries AS d WHERE d.status = 'PENDING')
       OR EXISTS (SELECT FROM rowcall.webhook_deliveries AS d
                   WHERE d.finished_at < now() - make_interval(days => $3::int)) AS deliveries
