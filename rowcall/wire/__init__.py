"""What goes over the wire: the bodies of requests and of answers. The API validates and answers with these models, and
its client reads with them; so they know neither a server nor a database.

base.py         what all of them have in common
schedules.py    bulk.py    executions.py    backfills.py    previewing.py    explaining.py
monitoring.py   webhooks.py      audit_log.py
problems.py     errors
"""
