-- The same lock as lock_source.sql on source $1 text, if nobody has it: whether it is ours now.
SELECT pg_try_advisory_xact_lock(hashtext('rowcall.source'), hashtext($1::text))
