-- How many of the schedules that are not deleted stand where, of those that the client $1 text has and that are not static.
-- All of them are counted in the index of schedule_names, and not in the wide rows; those that are not ACTIVE, or static,
-- which are few, are taken off.
WITH inactive AS MATERIALIZED (
    SELECT s.status, s.is_static, count(*) AS schedules
      FROM rowcall.schedules AS s
      JOIN rowcall.schedule_names AS n
        ON n.client_id = s.client_id AND n.name = s.name AND n.schedule_id = s.schedule_id
     WHERE n.client_id = $1 AND s.status <> 'ACTIVE'
     GROUP BY s.status, s.is_static
), active AS MATERIALIZED (
    SELECT (SELECT count(*) FROM rowcall.schedule_names AS n WHERE n.client_id = $1)
           - (SELECT count(*)
                FROM rowcall.schedule_terms AS t
                JOIN rowcall.schedules AS s ON s.schedule_id = t.schedule_id
               WHERE t.term = 'static:' AND s.is_static AND s.client_id = $1 AND s.status = 'ACTIVE')
           - (SELECT coalesce(sum(i.schedules), 0) FROM inactive AS i) AS schedules
)
SELECT 'ACTIVE' AS status, a.schedules::bigint FROM active AS a WHERE a.schedules > 0
 UNION ALL
SELECT i.status, i.schedules FROM inactive AS i WHERE NOT i.is_static
