-- Why the role of this session must not run sql tasks, in words; NULL, if it may.
SELECT CASE
       WHEN n.oid IS NULL THEN 'its database has no schema rowcall'
       WHEN pg_catalog.pg_has_role(session_user, n.nspowner, 'MEMBER')
           THEN 'it is, or can become, the role that owns the schema rowcall'
       WHEN powers.name IS NOT NULL THEN 'it has, or can take on, ' || powers.name || ', by which it could get at Rowcall'
       WHEN pg_catalog.has_schema_privilege(session_user, n.oid, 'CREATE') THEN 'it may create objects in the schema rowcall'
       WHEN EXISTS (SELECT FROM pg_catalog.pg_class AS c
                     WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
                       AND (pg_catalog.has_any_column_privilege(session_user, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
                            OR pg_catalog.has_table_privilege(session_user, c.oid, 'DELETE, TRUNCATE, TRIGGER' || since_17)))
           THEN 'it has rights on tables of the schema rowcall'
       WHEN NOT pg_catalog.has_schema_privilege(session_user, n.oid, 'USAGE')
         OR NOT EXISTS (SELECT FROM pg_catalog.pg_proc AS p
                         WHERE p.pronamespace = n.oid AND p.proname = 'finish_sql_run'
                           AND pg_catalog.has_function_privilege(session_user, p.oid, 'EXECUTE'))
           THEN 'it may not end executions: SELECT rowcall.grant_sql_role(' || pg_catalog.quote_literal(session_user) || ')'
       END AS objection
  FROM (SELECT pg_catalog.to_regnamespace('rowcall') AS oid) AS sought
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = sought.oid
 CROSS JOIN LATERAL (  -- by which tables can be locked; older servers refuse to be asked for it
       SELECT CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 170000 THEN ', MAINTAIN' ELSE '' END
       ) AS privileges (since_17)
  LEFT JOIN LATERAL (  -- roles that it makes or gives itself, files of the server's, programs, the log that all is in
       SELECT CASE WHEN r.rolcreaterole THEN 'CREATEROLE' WHEN r.rolreplication THEN 'REPLICATION' ELSE r.rolname::text END
         FROM pg_catalog.pg_roles AS r
        WHERE (r.rolcreaterole OR r.rolreplication OR r.rolname IN (
                   'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))
          AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
        ORDER BY 1
        LIMIT 1) AS powers (name) ON true
