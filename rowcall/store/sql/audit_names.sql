-- Where schedule_names and the schedules that are not deleted say something else: of the schedules $1 bigint[], or of all
-- (NULL).
SELECT coalesce(s.schedule_id, n.schedule_id) AS schedule_id, coalesce(s.name, n.name) AS name,
       CASE WHEN n.schedule_id IS NULL THEN 'nothing leads from its name to it: client ' || quote_literal(s.client_id)
            ELSE 'this name leads to it, which is deleted or called otherwise: client ' || quote_literal(n.client_id)
       END AS detail
  FROM rowcall.schedule_names AS n
  FULL JOIN (SELECT one.schedule_id, one.client_id, one.name
               FROM rowcall.schedules AS one WHERE one.status <> 'DISABLED') AS s
    ON s.schedule_id = n.schedule_id AND s.client_id = n.client_id AND s.name = n.name
 WHERE (s.schedule_id IS NULL OR n.schedule_id IS NULL)
   AND ($1::bigint[] IS NULL OR coalesce(s.schedule_id, n.schedule_id) = ANY ($1::bigint[]))
 ORDER BY schedule_id, name
