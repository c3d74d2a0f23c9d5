-- How many of the schedules that are not deleted stand where, of those that the client $1 text has and that are not static.
SELECT s.status, count(*) AS schedules
  FROM rowcall.schedules AS s
 WHERE s.client_id = $1 AND s.status <> 'DISABLED' AND NOT s.is_static
 GROUP BY s.status
