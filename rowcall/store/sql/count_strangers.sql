-- How many tables the schema "rowcall" holds.
SELECT count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = 'rowcall' AND c.relkind IN ('r', 'p', 'v', 'm', 'f');
