-- When the execution $1 bigint is scheduled for, which says in which partition it stands. Open ones are found at once.
-- $2 client text: only of its own schedules, static ones aside; NULL: of all.
SELECT found.scheduled_for
  FROM (SELECT o.schedule_id, o.scheduled_for FROM rowcall.open_executions AS o WHERE o.execution_id = $1
        UNION ALL
        SELECT e.schedule_id, e.scheduled_for FROM rowcall.schedule_executions AS e WHERE e.execution_id = $1
         LIMIT 1) AS found
 WHERE $2::text IS NULL
    OR EXISTS (SELECT FROM rowcall.schedules AS s
                WHERE s.schedule_id = found.schedule_id AND s.client_id = $2 AND NOT s.is_static)
