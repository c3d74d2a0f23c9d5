-- Make the ledger's days from $1 timestamptz through $2 timestamptz (NULL: yesterday through three days ahead).
SELECT rowcall.ensure_partitions(coalesce($1::timestamptz, now() - interval '1 day'),
                                 coalesce($2::timestamptz, now() + interval '3 days'))
