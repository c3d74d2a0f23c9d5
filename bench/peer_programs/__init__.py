"""Other schedulers, as small programs: each fills in a herd of jobs that do nothing, or works it off.

    python -m bench.peer_programs.NAME fill COUNT DUE     with BENCH_DSN set; DUE in seconds since 1970
    python -m bench.peer_programs.NAME work               until SIGTERM; says "ready" when it waits for work

They run in an environment of their own (see bench/peers.py) and share nothing with Rowcall but the notes of starts.
"""
