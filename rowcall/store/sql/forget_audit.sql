-- Delete entries of the log of changes older than $1 int days; looks at the first $2 int, along the primary key, which is
-- the order of time but for what was written at the same moment.
WITH first AS MATERIALIZED (
    SELECT a.entry_id, a.changed_at FROM rowcall.audit_log AS a ORDER BY a.entry_id LIMIT $2::int
)
DELETE FROM rowcall.audit_log AS a
 USING first
 WHERE a.entry_id = first.entry_id AND first.changed_at < now() - make_interval(days => $1::int)
RETURNING a.entry_id
