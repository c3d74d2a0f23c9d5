"""The domain: what Rowcall knows without a database, a clock or a network.

triggers.py, cron/, zones.py, jitter.py   which occurrences a schedule has
schedules.py, executions.py               the words of the two tables
definitions.py, timing.py, fields.py      what is given becomes a schedule, or a list of faults
planning.py, straight.py, settling.py     what becomes of the occurrences that are due, and of spans that passed
backfilling.py                            occurrences of the past, asked for again
retries.py                                whether and when an attempt is followed by another
auditing.py                               whether every occurrence is answered for exactly once
explain.py, explain_moment.py             one true sentence
"""
