"""Benchmarks: what a scheduler costs, and how late it is, beside what PostgreSQL itself can do on the same machine.

    python -m bench                 all of them; --quick for a first impression, --long for what takes minutes each
    python -m bench.ceiling         pgbench with the same row work: the physical limit
    python -m bench.herd            many schedules due at one instant
    python -m bench.steps           what each step of a run costs, and whose time it is
    python -m bench.punctuality     schedules firing each second
    python -m bench.idle            many schedules, none of them due
    python -m bench.memory          a worker that works on and on
    python -m bench.selectivity     due rows that a worker may not run, and rows that must come first
    python -m bench.scale           what people and workers ask for, beside a thousand schedules and a million
    python -m bench.replicas        one, two, four, eight workers on one server
    python -m bench.recovery        a worker killed with its hands full
    python -m bench.history         a long ledger, and dropping days of it
    python -m bench.audit           a long ledger held against what its rules say
    python -m bench.api             the REST API beside a bare handler
    python -m bench.writes          a thousand changes a second while schedules run
    python -m bench.horizon         a snapshot that is held for minutes; with --long only
    python -m bench.peers           other schedulers in the same run; when named, or with --peers

Each takes --help. Each runs on a fresh PostgreSQL with default durability and starts its workers as real processes;
figures are to be compared within one run only. `harness/` is what they share, `app.py` the task that the workers run.
"""
