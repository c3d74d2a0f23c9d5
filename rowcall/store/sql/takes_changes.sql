-- Whether this server takes changes: it is no standby, and nobody made it read-only.
SELECT current_setting('transaction_read_only') = 'off' AS takes_changes
