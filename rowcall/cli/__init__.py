"""The command line: the only place that puts API, worker and embedded PostgreSQL together.

application.py   all commands, by name; running them, and turning errors into words and exit codes
commands/        what each command takes, and what it writes
serving.py       a process that stays: parts in order, signals, the way down
reaching.py      what a command asks: an API elsewhere, or its own over the database
remote.py        --server and --key, and who takes them
access.py        the database that a command works on
doctor/          what can be wrong with an installation, each looked at by a function of its own
output.py        data on standard output, talk on standard error
exits.py         what the exit codes mean
garbage.py       what the garbage collector need not look through

Commands import what they need when they run, so that ``rowcall --help`` is quick.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line: the entry point ``rowcall``."""
    from .garbage import seldom_while_starting

    seldom_while_starting()
    from .application import run_command_line

    run_command_line()
