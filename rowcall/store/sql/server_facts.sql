-- What there is to know of the server and of who asks.
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_number,
       clock_timestamp() AS now, pg_is_in_recovery() AS is_standby, current_user AS role, current_database() AS database,
       current_setting('max_connections')::int AS max_connections, pg_postmaster_start_time() AS started_at
