-- Let this transaction pause for ten minutes between two statements, while its owner thinks.
SELECT set_config('idle_in_transaction_session_timeout', '10min', true)
