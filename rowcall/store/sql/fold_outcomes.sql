-- Fold some $1 int results into the counters of their schedules: of batches from $2 bigint on and up to $3 bigint, or to
-- the newest where that is NULL. Answers how many schedules were changed, through which batch it came, and the newest;
-- NULL for the last two where another replica folds: one at a time does, and the others pass by.
-- Results of a schedule that is busy right now are written down again for the next time: waiting for it would hold up all
-- those that are locked here already. A younger one may be counted before them: then the last status stays, unless that one
-- lies ahead, from when the clock did.
-- $2 spares it the dead entries of all that was folded before, while somebody holds an old snapshot. An array is measured,
-- not read, to find out how many results it holds: eight bytes each.
WITH mine AS MATERIALIZED (
    SELECT coalesce($3::bigint, (SELECT o.outcome_id FROM rowcall.outcomes AS o
                                  WHERE o.outcome_id >= $2 ORDER BY o.outcome_id DESC LIMIT 1), 0) AS newest
     WHERE pg_try_advisory_xact_lock(hashtext('rowcall.fold_outcomes'))
), listed AS (
    SELECT found.outcome_id, sum(found.bytes) OVER (ORDER BY found.outcome_id) - found.bytes AS bytes_before
      FROM (SELECT o.outcome_id, pg_column_size(o.schedule_ids) AS bytes
              FROM rowcall.outcomes AS o
             WHERE o.outcome_id >= $2 AND o.outcome_id <= (SELECT newest FROM mine)
             ORDER BY o.outcome_id
             LIMIT 1000) AS found
), batches AS (
    DELETE FROM rowcall.outcomes AS o
     WHERE o.outcome_id = ANY (ARRAY(SELECT outcome_id FROM listed WHERE bytes_before < 8 * $1::bigint))
 RETURNING o.outcome_id, o.finished_at, o.schedule_ids, o.execution_ids, o.statuses
), results AS MATERIALIZED (
    SELECT b.finished_at, r.schedule_id, r.execution_id, r.status
      FROM batches AS b
     CROSS JOIN LATERAL unnest(b.schedule_ids, b.execution_ids, b.statuses) AS r (schedule_id, execution_id, status)
), folded AS MATERIALIZED (
    SELECT schedule_id,
           count(*) FILTER (WHERE status = 'SUCCEEDED') AS succeeded,
           count(*) FILTER (WHERE status IN ('FAILED', 'TIMED_OUT', 'LOST')) AS failed,
           (array_agg(status ORDER BY finished_at DESC, execution_id DESC))[1] AS last_status,
           max(finished_at) AS finished_at
      FROM results
     GROUP BY schedule_id
), free AS MATERIALIZED (
    SELECT s.schedule_id, f.succeeded, f.failed, f.last_status, f.finished_at,
           (f.finished_at < s.last_finished_at AND s.last_finished_at <= clock_timestamp()) IS NOT TRUE AS is_last
      FROM folded AS f
      JOIN rowcall.schedules AS s ON s.schedule_id = f.schedule_id
       FOR NO KEY UPDATE OF s SKIP LOCKED
), counted AS (
    UPDATE rowcall.schedules AS s
       SET successful_runs  = s.successful_runs + f.succeeded,
           failed_runs      = s.failed_runs + f.failed,
           last_status      = CASE WHEN f.is_last THEN f.last_status ELSE s.last_status END,
           last_finished_at = CASE WHEN f.is_last THEN f.finished_at ELSE s.last_finished_at END
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
SELECT (SELECT count(*)::int FROM counted) AS changed, (SELECT max(outcome_id) FROM batches) AS through,
       (SELECT newest FROM mine) AS newest
