-- End the execution $1 bigint of the occurrence $2 timestamptz at the fence $3 int from inside its own work, by its token
-- $4 bytea, after $5 seconds, with the result $6 jsonb; whether others wait for its end. Runs as the role of sql tasks.
SELECT rowcall.finish_sql_run($1, $2, $3, $4, $5, $6) AS others_wait
