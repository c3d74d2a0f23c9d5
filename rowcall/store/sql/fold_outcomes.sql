-- Fold up to $1 int batches of results into the counters of their schedules; how many schedules were changed.
-- One replica at a time: the advisory lock makes the others pass by.
WITH mine AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('rowcall.fold_outcomes')) AS locked
), batches AS (
    DELETE FROM rowcall.outcomes
     WHERE outcome_id IN (SELECT outcome_id FROM rowcall.outcomes, mine WHERE mine.locked ORDER BY outcome_id LIMIT $1::int)
 RETURNING schedule_ids, execution_ids, statuses
), folded AS (
    SELECT r.schedule_id,
           count(*) FILTER (WHERE r.status = 'SUCCEEDED') AS succeeded,
           count(*) FILTER (WHERE r.status IN ('FAILED', 'TIMED_OUT', 'LOST')) AS failed,
           (array_agg(r.status ORDER BY r.execution_id DESC))[1] AS last_status
      FROM batches AS b
     CROSS JOIN LATERAL unnest(b.schedule_ids, b.execution_ids, b.statuses) AS r (schedule_id, execution_id, status)
     GROUP BY r.schedule_id
), counted AS (
    UPDATE rowcall.schedules AS s
       SET successful_runs = s.successful_runs + f.succeeded,
           failed_runs     = s.failed_runs + f.failed,
           last_status     = f.last_status
      FROM folded AS f
     WHERE s.schedule_id = f.schedule_id
 RETURNING s.schedule_id
)
SELECT count(*)::int FROM counted
