-- Whether the role rowcall_monitor is there, and may read the views that are for it.
SELECT r.oid IS NOT NULL AS is_there,
       coalesce(bool_and(has_table_privilege(r.oid, c.oid, 'SELECT')), false) AS may_read
  FROM pg_catalog.pg_class AS c
  LEFT JOIN pg_catalog.pg_roles AS r ON r.rolname = 'rowcall_monitor'
 WHERE c.relnamespace = 'rowcall'::regnamespace AND c.relkind = 'v' AND c.relname LIKE 'v\_%'
 GROUP BY r.oid
