-- How many schedules stand where.
SELECT s.status, count(*) AS schedules
  FROM rowcall.schedules AS s
 GROUP BY s.status
