"""The worker: an identical replica among others. It looks for due work, runs it, and accounts for it.

    service.py     a worker's life: a session, and another one when its lease was lost
    session.py     one worker id: its parts, and how it ends, by a drain or by the loss of its lease
    loop.py        look, start, sleep until the earliest of: next due, a notification, a freed slot, the sweep
    holdings.py    what this worker runs, and how many more it may
    running/       one attempt, on the loop, in a thread or in a child process
    recorder.py    results, written back in batches
    heartbeat.py   the lease, in a thread of its own
    releasing.py   what waits in schedules that were locked when it was its turn
    listening.py   notifications
    pulse.py       when the loop last looked
    sweep.py       what any replica does for all: recover the dead, plan, release, count, make days
    offers.py      what this worker can run: its apps' tasks and the built-in ones
    builtin/       the built-in tasks: http, and what the operator wrote down for sql and shell
    transactions.py, settled.py  runs that end in the transaction of their own work
    events.py      what is told to whoever watches

The lease outlives the work: the heartbeat is entered first and left last, so that a long drain does not look like a
death. Everything else may fail and is tried again; what is no fault of the store ends the process, loudly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .events import Event, ExecutionEnded, ExecutionNotRun, ExecutionStarted
    from .pulse import Pulse
    from .service import LookReport, look_once, serve_worker

_HOMES = {
    "Event": "events",
    "ExecutionEnded": "events",
    "ExecutionNotRun": "events",
    "ExecutionStarted": "events",
    "LookReport": "service",
    "Pulse": "pulse",
    "look_once": "service",
    "serve_worker": "service",
}

__all__ = [
    "Event",
    "ExecutionEnded",
    "ExecutionNotRun",
    "ExecutionStarted",
    "LookReport",
    "Pulse",
    "look_once",
    "serve_worker",
]


def __getattr__(name: str) -> object:
    """Import what is asked for, and no more: every child process of a task comes through here, and needs none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
