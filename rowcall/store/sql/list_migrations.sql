-- The numbered files that were applied, oldest first.
SELECT version, name, checksum, applied_at FROM rowcall.schema_migrations ORDER BY version;
