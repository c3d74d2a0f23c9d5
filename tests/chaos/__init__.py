"""The chaos run: real workers, a real PostgreSQL, faults of every kind at random; then every occurrence is audited.

proxy.py      between the workers and PostgreSQL: connections cut, stalled, and COMMITs whose answer is lost
apps.py       tasks that succeed, fail, hang, crash their process, and leave effects behind
workload.py   schedules of every kind, and what people do to them meanwhile
faults.py     what goes wrong, by a seed
replicas.py   worker processes and the API
verdict.py    the audit, the check of effects, and the table
__main__.py   make chaos
"""
