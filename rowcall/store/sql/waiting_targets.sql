-- The receivers that something is pending for, those after $1 text, at most $2 int of them in their order; each with the
-- seconds until the first of it is due. One probe of the index per receiver, however much waits for it.
WITH RECURSIVE waiting AS (
    (SELECT d.target, d.next_attempt_at
       FROM rowcall.webhook_deliveries AS d
      WHERE d.status = 'PENDING' AND d.target > $1
      ORDER BY d.target, d.next_attempt_at
      LIMIT 1)
     UNION ALL
    SELECT following.target, following.next_attempt_at
      FROM waiting AS w
     CROSS JOIN LATERAL (
           SELECT d.target, d.next_attempt_at
             FROM rowcall.webhook_deliveries AS d
            WHERE d.status = 'PENDING' AND d.target > w.target
            ORDER BY d.target, d.next_attempt_at
            LIMIT 1) AS following
)
SELECT target, extract(epoch FROM next_attempt_at - clock_timestamp())::float8 AS due_in
  FROM waiting
 LIMIT $2::int
