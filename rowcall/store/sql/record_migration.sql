-- Note that a numbered file was applied: $1 version, $2 name, $3 checksum. schema.sql has left a note without a checksum.
INSERT INTO rowcall.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)
ON CONFLICT (version) DO UPDATE SET name = excluded.name, checksum = excluded.checksum;
