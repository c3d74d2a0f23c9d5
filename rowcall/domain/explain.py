"""One true sentence: what a schedule waits for now, or what became of it at a moment. Pure; the facts are given.

explain_now   DISABLED, INVALID, COMPLETED and PAUSED say since when and why; an ACTIVE schedule says what is open of
              it, what it waits for, or who is missing
explain_at    an occurrence that is answered for says how; any other moment says why there is no answer

schema.sql tells the same sentences as rowcall.explain, for those who have SQL only: what changes here changes there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from .schedules import ScheduleStatus
from .zones import zone


@dataclass(frozen=True, slots=True)
class Explanation:
    """A sentence for people and a word for programs."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenExecution:
    """An execution that is not final. `available_at` None and not running: it waits for another to end."""

    execution_id: int
    is_running: bool
    attempt: int
    executed_at: datetime | None
    available_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workforce:
    """The workers alive: all of them, those that offer the schedule's task, and the slots that those have free."""

    alive: int = 0
    offering: int = 0
    free_slots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a schedule stands: its row, what is open of it, and who could run it.

    `route` is what a worker must offer, `timezone` the zone that moments are told in.
    """

    now: datetime
    timezone: str
    route: str
    status: ScheduleStatus
    status_reason: str | None
    status_since: datetime
    next_run_at: datetime | None
    opened: Sequence[OpenExecution] = ()
    workforce: Workforce = field(default_factory=Workforce)


def explain_now(standing: Standing) -> Explanation:
    """What the schedule waits for now."""
    told = Teller(standing.timezone)
    because = f": {standing.status_reason}" if standing.status_reason else ""
    since = told.moment(standing.status_since)
    match standing.status:
        case ScheduleStatus.DISABLED:
            return Explanation("deleted", f"It was deleted on {since}; only its history is left.")
        case ScheduleStatus.INVALID:
            return Explanation("invalid", f"It can't be scheduled{because}.")
        case ScheduleStatus.COMPLETED:
            return Explanation("completed", f"It is completed since {since}{because}.")
        case ScheduleStatus.PAUSED:
            return Explanation("paused", f"It is paused since {since}{because}. {_still_open(standing, told)}".strip())
    return _active(standing, told)


def _active(standing: Standing, told: Teller) -> Explanation:
    running = [execution for execution in standing.opened if execution.is_running]
    if running:
        return Explanation("running", f"{_still_open(standing, told)} {_next(standing, told)}")
    for execution in standing.opened:
        if execution.available_at is None:
            continue
        if execution.available_at > standing.now:
            again = f"attempt {execution.attempt + 1} of execution {execution.execution_id}"
            return Explanation("retrying", f"It waits for {again}, on {told.moment(execution.available_at)}.")
        return _due(
            standing, f"Execution {execution.execution_id} is queued since {told.moment(execution.available_at)}"
        )
    if standing.next_run_at is None:
        return Explanation("unplanned", "It has not been planned yet: the next look of a worker does that.")
    if standing.next_run_at > standing.now:
        return Explanation("waiting", _next(standing, told))
    return _due(standing, f"It is due since {told.moment(standing.next_run_at)}")


def _due(standing: Standing, what: str) -> Explanation:
    """Something could run now: who is missing?"""
    force = standing.workforce
    if force.alive == 0:
        return Explanation("no_worker", f"{what}, and no worker is alive: start one that offers '{standing.route}'.")
    if force.offering == 0:
        return Explanation("unroutable", f"{what}, and {_nobody_of(force.alive)} '{standing.route}'.")
    offer = "offers" if force.offering == 1 else "offer"
    offering = f"{count_workers(force.offering)} that {offer} '{standing.route}'"
    if force.free_slots <= 0:
        return Explanation("busy", f"{what}: every slot of the {offering} is taken.")
    return Explanation("due", f"{what}; the next look of the {offering} takes it.")


def _next(standing: Standing, told: Teller) -> str:
    if standing.next_run_at is None:
        return "No next run is planned yet."
    if standing.next_run_at <= standing.now:
        return f"The next run is due since {told.moment(standing.next_run_at)}."
    return f"It waits for its next run, on {told.moment(standing.next_run_at)}."


def _still_open(standing: Standing, told: Teller) -> str:
    running = [execution for execution in standing.opened if execution.is_running]
    if not running:
        return f"{len(standing.opened)} of its executions are queued." if standing.opened else ""
    first = running[0]
    since = f" since {told.moment(first.executed_at)}" if first.executed_at else ""
    more = f", and {len(running) - 1} more" if len(running) > 1 else ""
    return f"Execution {first.execution_id} is running{since}{more}."


def count_workers(workers: int) -> str:
    """`1 live worker`, `3 live workers`."""
    return "1 live worker" if workers == 1 else f"{workers} live workers"


def _nobody_of(workers: int) -> str:
    return "the only live worker does not offer" if workers == 1 else f"none of the {workers} live workers offers"


def told_span(seconds: float) -> str:
    """`0.25 s`, `12.5 s`, `0:20:34`: three digits below a thousand seconds, then hours, minutes and seconds."""
    exact = max(Decimal(0), Decimal(repr(seconds)))
    if exact >= 1000:
        return str(timedelta(seconds=int(exact + Decimal("0.5"))))
    digits = min(6, 2 - exact.adjusted()) if exact else 0
    rounded = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{rounded.normalize():f} s"


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells moments in the schedule's own zone, or in UTC where that is none."""

    timezone: str

    def moment(self, moment: datetime) -> str:
        """`2030-01-31 09:00:00 Europe/London`; parts of a second only where there are any."""
        local = moment.astimezone(zone(self.timezone))
        fraction = f".{local.microsecond:06d}".rstrip("0") if local.microsecond else ""
        return f"{local:%Y-%m-%d %H:%M:%S}{fraction} {self.timezone}"
