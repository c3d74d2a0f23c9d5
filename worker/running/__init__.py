"""How one attempt of a run is carried out: on the event loop, in a thread, or in a child process.

    runner.py         the way in: `Runner` takes a run and answers with its outcome
    attempts.py       one attempt, and the steps by which it is brought to an end
    endings.py        from what the task did, and what it was asked, to the outcome
    calling.py        the call of the function itself;  exits.py: what ends no more than a task that it started
    asynchronous.py   on the loop;  threaded.py: in threads;  processes.py, children.py: in child processes
    child.py          the inside of a child process;  frames.py: what is said across
    results.py        what is kept of a result;  errors.py: of an error

Nothing is imported here: a child process comes through this package, and should start quickly.
"""
