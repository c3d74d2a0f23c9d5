-- Fold up to $1 int batches of results into the counters of their schedules; how many schedules were changed.
-- One replica at a time: the advisory lock makes the others pass by. Results of a schedule that is busy right now are
-- written down again for the next time: waiting for it would hold up all those that are locked here already.
WITH mine AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('rowcall.fold_outcomes')) AS locked
), batches AS (
    DELETE FROM rowcall.outcomes
     WHERE outcome_id IN (SELECT outcome_id FROM rowcall.outcomes, mine WHERE mine.locked ORDER BY outcome_id LIMIT $1::int)
 RETURNING finished_at, schedule_ids, execution_ids, statuses
), results AS MATERIALIZED (
    SELECT b.finished_at, r.schedule_id, r.execution_id, r.status
      FROM batches AS b
     CROSS JOIN LATERAL unnest(b.schedule_ids, b.execution_ids, b.statuses) AS r (schedule_id, execution_id, status)
), folded AS MATERIALIZED (
    SELECT schedule_id,
           count(*) FILTER (WHERE status = 'SUCCEEDED') AS succeeded,
           count(*) FILTER (WHERE status IN ('FAILED', 'TIMED_OUT', 'LOST')) AS failed,
           (array_agg(status ORDER BY finished_at DESC, execution_id DESC))[1] AS last_status
      FROM results
     GROUP BY schedule_id
), free AS MATERIALIZED (
    SELECT s.schedule_id, f.succeeded, f.failed, f.last_status
      FROM folded AS f
      JOIN rowcall.schedules AS s ON s.schedule_id = f.schedule_id
       FOR NO KEY UPDATE OF s SKIP LOCKED
), counted AS (
    UPDATE rowcall.schedules AS s
       SET successful_runs = s.successful_runs + f.succeeded,
           failed_runs     = s.failed_runs + f.failed,
           last_status     = f.last_status
      FROM free AS f
     WHERE s.schedule_id = f.schedule_id
 RETURNING s.schedule_id
), kept AS (
    INSERT INTO rowcall.outcomes (finished_at, schedule_ids, execution_ids, statuses)
    SELECT r.finished_at, array_agg(r.schedule_id), array_agg(r.execution_id), array_agg(r.status)
      FROM results AS r
      JOIN rowcall.schedules AS s ON s.schedule_id = r.schedule_id
     WHERE r.schedule_id NOT IN (SELECT schedule_id FROM free)
     GROUP BY r.finished_at
)
SELECT count(*)::int FROM counted
