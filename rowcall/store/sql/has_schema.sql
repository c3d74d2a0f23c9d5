-- Whether this database has a schema of Rowcall.
SELECT to_regclass('rowcall.schema_migrations') IS NOT NULL;
