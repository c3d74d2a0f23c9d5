-- How many of the schedules that are not deleted stand where, of those that the client $1 text has and that are not static.
-- Of a client that has few, all are read. Of one with many they are counted in the index of schedule_names, and not in the
-- wide rows; those that are not ACTIVE, or static, which are few, are taken off.
WITH own AS MATERIALIZED (
    SELECT n.schedule_id FROM rowcall.schedule_names AS n WHERE n.client_id = $1 LIMIT 1001
), few AS MATERIALIZED (
    SELECT count(*) <= 1000 AS are_all FROM own
), inactive AS MATERIALIZED (
    SELECT s.status, s.is_static, count(*) AS schedules
      FROM rowcall.schedules AS s
     WHERE s.client_id = $1 AND s.status <> 'ACTIVE' AND s.status = ANY ('{PAUSED,COMPLETED,INVALID}')
       AND NOT (SELECT are_all FROM few)
     GROUP BY s.status, s.is_static
), active AS MATERIALIZED (
    SELECT (SELECT count(*) FROM rowcall.schedule_names AS n WHERE n.client_id = $1)
           - (SELECT count(*)
                FROM rowcall.schedule_terms AS t
                JOIN rowcall.schedules AS s ON s.schedule_id = t.schedule_id
               WHERE t.term = 'static:' AND s.is_static AND s.client_id = $1 AND s.status = 'ACTIVE')
           - (SELECT coalesce(sum(i.schedules), 0) FROM inactive AS i) AS schedules
     WHERE NOT (SELECT are_all FROM few)
)
SELECT s.status, count(*) AS schedules
  FROM own AS o
  JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id AND NOT s.is_static
 WHERE (SELECT are_all FROM few)
 GROUP BY s.status
 UNION ALL
SELECT 'ACTIVE', a.schedules::bigint FROM active AS a WHERE a.schedules > 0
 UNION ALL
SELECT i.status, i.schedules FROM inactive AS i WHERE NOT i.is_static
