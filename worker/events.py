"""What a worker tells whoever watches it: a terminal, a test."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self, TypeAlias

import structlog

from rowcall.metrics.tallies import Tallies
from rowcall.store.recording import Completed
from rowcall.store.sessions import Row

log = structlog.get_logger("rowcall.worker")


@dataclass(frozen=True, slots=True)
class ExecutionStarted:
    """An attempt was claimed and is about to run."""

    execution_id: int
    schedule_id: int
    schedule_name: str
    client_id: str
    task_type: str
    scheduled_for: datetime
    executed_at: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class ExecutionEnded:
    """An attempt ended and that is recorded. `status` is QUEUED when it will be tried again."""

    execution_id: int
    schedule_id: int
    schedule_name: str
    client_id: str
    task_type: str
    scheduled_for: datetime
    executed_at: datetime
    attempt: int
    status: str
    duration_seconds: float
    error: str | None


@dataclass(frozen=True, slots=True)
class ExecutionNotRun:
    """An occurrence was answered for without running: SKIPPED, MISSED, or QUEUED behind an open execution."""

    execution_id: int
    schedule_id: int
    schedule_name: str
    client_id: str
    scheduled_for: datetime
    status: str
    reason: str | None


Event: TypeAlias = ExecutionStarted | ExecutionEnded | ExecutionNotRun
Watcher: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a worker tells what happens in it: the log, and whoever watches.

    `of_every_run` is whether they also want to hear of starts and successes, which are the most by far: where nobody
    does, nothing is made up for them. `tallies` are added to whatever they want.
    """

    watch: Watcher | None
    of_every_run: bool
    tallies: Tallies = field(default_factory=Tallies)

    @classmethod
    def of(cls, watch: Watcher | None, tallies: Tallies) -> Self:
        """The log as it is configured, this watcher, and the tallies of the process."""
        return cls(watch, watch is not None or logging.getLogger("rowcall.worker").isEnabledFor(logging.DEBUG), tallies)

    def tell(self, event: Event) -> None:
        """Log an event, and let the watcher see it, whose own faults are no matter to what it watches."""
        if isinstance(event, ExecutionNotRun) and event.status != "QUEUED":
            self.tallies.answered(event.status.lower())
        write_down(event)
        if self.watch is not None:
            try:
                self.watch(event)
            except Exception:
                log.exception("watcher_failed", told=type(event).__name__)


def write_down(event: Event) -> None:
    """Log an event under the name that operators look for."""
    match event:
        case ExecutionStarted():
            log.debug("schedule_triggered", **_facts(event), attempt=event.attempt)
        case ExecutionEnded(status="SUCCEEDED"):
            log.debug("scheduler_job_executed", **_facts(event), status=event.status, seconds=event.duration_seconds)
            log.debug("schedule_executed", **_facts(event), attempt=event.attempt)
        case ExecutionEnded(status="QUEUED", error=None):
            log.info("execution_given_back", **_facts(event), attempt=event.attempt)
        case ExecutionEnded():
            log.warning(
                "scheduler_job_error", **_facts(event), status=event.status, attempt=event.attempt, error=event.error
            )
        case ExecutionNotRun(status="MISSED"):
            log.warning("schedule_missed", **_facts(event), status=event.status, reason=event.reason)
        case ExecutionNotRun():
            log.info("schedule_skipped", **_facts(event), status=event.status, reason=event.reason)


def tell_completed(completed: Completed) -> None:
    """Log that a schedule is over: it has run as often as it may, or its rule names no further moment."""
    name = "schedule_limit_reached" if completed.reason.startswith("limit") else "schedule_completed"
    log.info(
        name,
        schedule=completed.schedule_name,
        schedule_id=completed.schedule_id,
        client_id=completed.client_id,
        reason=completed.reason,
    )


def _facts(event: Event) -> dict[str, object]:
    return {
        "schedule": event.schedule_name,
        "schedule_id": event.schedule_id,
        "client_id": event.client_id,
        "execution_id": event.execution_id,
        "scheduled_for": event.scheduled_for.isoformat(),
    }


def not_run(row: Row) -> ExecutionNotRun:
    """The event of a recorded answer."""
    return ExecutionNotRun(
        row["execution_id"], row["schedule_id"], row["name"], row["client_id"], row["scheduled_for"],
        row["status"], row["reason"],
    )  # fmt: skip
