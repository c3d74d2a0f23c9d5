"""The store: everything that Rowcall says to PostgreSQL, and the only package that knows its driver.

database.py     the pool, transactions, time limits, and the border where driver errors become errors of the domain
sessions.py     what runs statements: the database, a transaction, a snapshot
keeping.py      which of them keep their plans
sql/            the statements, one a file, named like the function that runs it
migrations.py   schema.sql for an empty database, numbered files for one that is older
ledger.py       rows that do not run now, and the days they stand in
planning.py     rows that have no next moment yet
claiming.py     due schedules and queued executions become RUNNING rows, in one transaction
ahead.py        what is due in a moment, started before it and committed at it; lead.py: how long before
finishing.py    results, retries, counters
leases.py       beats, the dead, and what they left
schedules.py    what the API and the command line do with schedules
swiftly.py      a change of one schedule without a lock, if nobody else changes it
executions.py   what they read, request and cancel
explaining.py   the facts behind an explanation
monitoring.py   who works, what was ever offered, how things stand
jsonb.py        jsonb as text, in and out; moments.py: timestamptz, quickly
"""
