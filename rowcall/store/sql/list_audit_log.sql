-- A page of the log of changes, the newest first. $1 bigint: below this entry · $2 int: at most so many. NULL leaves open:
-- $3 schedule bigint · $4 client_id text · $5 who, as it begins, text · $6 action text, or what stands before its dot
-- $7 and $8 changed from and before timestamptz.
SELECT a.entry_id, a.changed_at, a.who, a.database_role, a.action, a.subject, a.schedule_id, a.client_id, a.before, a.after
  FROM rowcall.audit_log AS a
 WHERE a.entry_id < $1
   AND ($3::bigint IS NULL OR a.schedule_id = $3)
   AND ($4::text IS NULL OR a.client_id = $4)
   AND ($5::text IS NULL OR starts_with(a.who, $5))
   AND ($6::text IS NULL OR a.action = $6 OR split_part(a.action, '.', 1) = $6)
   AND a.changed_at >= coalesce($7::timestamptz, '-infinity')
   AND a.changed_at < coalesce($8::timestamptz, 'infinity')
 ORDER BY a.entry_id DESC
 LIMIT $2::int
