-- Whether the client $1 text has at most $2 int schedules that are not deleted; counts no further than that.
SELECT count(*) <= $2::int
  FROM (SELECT FROM rowcall.schedules AS s
         WHERE s.client_id = $1 AND s.status <> 'DISABLED' LIMIT $2::int + 1) AS own
