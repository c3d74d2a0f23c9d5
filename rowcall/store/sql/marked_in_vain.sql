-- The days that were marked as on their way out, and of which no more was begun: they are the ledger's still.
SELECT c.relname AS name
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'rowcall.schedule_executions'::regclass AND NOT i.inhdetachpending
   AND obj_description(c.oid, 'pg_class') = 'rowcall: on its way out'
