"""How an attempt ends: what the task did, what it was asked, and what the ledger says of both.

`judge` is the whole table, and pure. Its one subtle line: a task that returned without ever having seen the request to
stop, and that nothing was done to, did all of its work. It SUCCEEDED; anything else would run it a second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from rowcall.domain.executions import DONE, Outcome


class StopKind(Enum):
    """Why an attempt should stop."""

    TIMED_OUT = auto()
    CANCELLED = auto()
    GIVEN_BACK = auto()


@dataclass(frozen=True, slots=True)
class Stop:
    """A request to stop; `reason` goes into the error text."""

    kind: StopKind
    reason: str


class EndKind(Enum):
    """What a task did in the end."""

    RETURNED = "returned"
    RAISED = "raised"
    REFUSED = "refused"  #: it raised what says that another attempt would be of no use
    LATE = "late"  #: it ended itself at a time limit of its own
    STOPPED = "stopped"  #: it raised what a task that stops raises: CancelledError, RunCancelled
    DIED = "died"  #: its process ended under it
    RUNS_ON = "runs_on"  #: nothing could stop it
    NEVER_STARTED = "never_started"


@dataclass(frozen=True, slots=True)
class End:
    """What a task did. `text` is the result as JSON text if it returned, else what there is to say about it."""

    kind: EndKind
    text: str | None = None


RETURNED_NOTHING = End(EndKind.RETURNED)
_FINISHED = frozenset({EndKind.RETURNED, EndKind.RAISED, EndKind.REFUSED, EndKind.LATE, EndKind.DIED})


def judge(end: End, stop: Stop | None, *, seen: bool, forced: str | None) -> Outcome:
    """The outcome of an attempt.

    `seen` tells whether the task learned of the request to stop, `forced` by which means it was stopped, if by any.
    """
    untouched = not seen and forced is None
    if stop is None:
        return by_itself(end)
    match stop.kind:
        case StopKind.TIMED_OUT:
            return Outcome.timed_out(f"{stop.reason}: {_told(end, seen, forced)}")
        case StopKind.CANCELLED:
            if untouched and end.kind is EndKind.RETURNED:
                return by_itself(end)
            return Outcome.cancelled(f"cancelled ({stop.reason}): {_told(end, seen, forced)}")
        case StopKind.GIVEN_BACK:
            if untouched and end.kind in _FINISHED:
                return by_itself(end)
            return Outcome.given_back()


def by_itself(end: End) -> Outcome:
    """The outcome of a task that nobody asked to stop."""
    if end is RETURNED_NOTHING:
        return DONE
    if end.kind is EndKind.RETURNED:
        return Outcome.succeeded(end.text)
    if end.kind is EndKind.STOPPED:
        return Outcome.failed(f"the task cancelled itself, though nobody had asked it to stop\n\n{end.text}")
    if end.kind is EndKind.REFUSED:
        return Outcome.refused(end.text or end.kind.value)
    if end.kind is EndKind.LATE:
        return Outcome.timed_out(end.text or end.kind.value)
    return Outcome.failed(end.text or end.kind.value)


def _told(end: End, seen: bool, forced: str | None) -> str:  # noqa: FBT001 - private, and a fact rather than a switch
    """By which means the task ended, in words."""
    match end.kind:
        case EndKind.RETURNED if not seen and forced is None:
            return "the task did return, but too late"
        case EndKind.RETURNED | EndKind.STOPPED:
            return forced or "the task stopped by itself"
        case EndKind.RAISED | EndKind.REFUSED | EndKind.LATE:
            return f"{forced or 'asked to stop'}, it raised an error\n\n{end.text}"
        case EndKind.DIED:
            return forced or f"{end.text}"
        case EndKind.RUNS_ON | EndKind.NEVER_STARTED:
            return f"{end.text}"
