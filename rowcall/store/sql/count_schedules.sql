-- How many schedules stand where. Each half is counted in an index of its own, and not in the wide rows.
SELECT 'ACTIVE' AS status, count(*) AS schedules
  FROM rowcall.schedules AS s
 WHERE s.status = 'ACTIVE'
UNION ALL
SELECT s.status, count(*)
  FROM rowcall.schedules AS s
 WHERE s.status <> 'ACTIVE'
 GROUP BY s.status
