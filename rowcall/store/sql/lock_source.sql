-- Let one replica at a time write the schedules of source $1 text; held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('rowcall.source'), hashtext($1::text))
