"""Benchmarks: what a scheduler costs, and how late it is, beside what PostgreSQL itself can do on the same machine.

    python -m bench                 all of them; --quick for a first impression, --long for what takes minutes each
    python -m bench.ceiling         pgbench with the same row work: the physical limit
    python -m bench.herd            many schedules due at one instant
    python -m bench.punctuality     schedules firing each second
    python -m bench.idle            many schedules, none of them due
    python -m bench.selectivity     due rows that a worker may not run, and rows that must come first

Each takes --help. Each runs on a fresh PostgreSQL with default durability and starts its workers as real processes;
figures are to be compared within one run only. `harness/` is what they share, `app.py` the task that the workers run.
"""
