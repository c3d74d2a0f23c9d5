-- Have workers look into the outbox.
SELECT pg_notify('rowcall', 'deliver')
