-- How many of the schedules that are not deleted stand where, of those that the client $1 text has and that are not static.
-- All of them are counted in the index of names, and not in the wide rows; those that are not ACTIVE, or static, which are
-- few, are taken off.
WITH inactive AS MATERIALIZED (
    SELECT s.status, s.is_static, count(*) AS schedules
      FROM rowcall.schedules AS s
     WHERE s.client_id = $1 AND s.status <> 'ACTIVE' AND s.status <> 'DISABLED'
     GROUP BY s.status, s.is_static
), active AS MATERIALIZED (
    SELECT (SELECT count(*) FROM rowcall.schedules AS s WHERE s.client_id = $1 AND s.status <> 'DISABLED')
           - (SELECT count(*) FROM rowcall.schedules AS s WHERE s.is_static AND s.client_id = $1 AND s.status = 'ACTIVE')
           - (SELECT coalesce(sum(i.schedules), 0) FROM inactive AS i) AS schedules
)
SELECT 'ACTIVE' AS status, a.schedules::bigint FROM active AS a WHERE a.schedules > 0
 UNION ALL
SELECT i.status, i.schedules FROM inactive AS i WHERE NOT i.is_static
