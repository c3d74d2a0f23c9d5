"""Runs on the terminal as they happen: one line each; of a herd the first few, and then a count."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import UTC

from rich.text import Text

from rowcall.worker import Event, ExecutionEnded, ExecutionNotRun, ExecutionStarted

from .output import STYLES, clean, json_of, out, say, span
from .streams import nobody_reads

TOLD_IN_LINES = frozenset(
    {
        "schedule_triggered",
        "schedule_executed",
        "scheduler_job_executed",
        "scheduler_job_error",
        "execution_given_back",
        "schedule_missed",
        "schedule_skipped",
    }
)
"""Events of the log that are lines here."""

MOST_PER_SECOND = 20
NAME_WIDTH = 24


def leave_out_of_the_log(names: Collection[str]) -> None:
    """On a terminal, where log and lines stand together, don't say the same thing twice."""

    def is_new(record: logging.LogRecord) -> bool:
        return not (isinstance(record.msg, dict) and record.msg.get("event") in names)

    if sys.stderr.isatty() and sys.stdout.isatty():
        logging.getLogger("rowcall.worker").addFilter(is_new)


class RunLines:
    """A worker's watcher that writes to standard output. When nobody reads there any more, it goes quiet.

    It does so too where nothing can be written, as to a full disk; that is said, once.

    With `as_json` each event is an object on a line, and none is left out.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._early: list[Event] | None = []
        self._window_ends = 0.0
        self._shown = 0
        self._held: Counter[str] = Counter()
        self._gone = False

    def __call__(self, event: Event) -> None:
        """Tell of an event. Must be called from the event loop."""
        if self._early is not None:
            self._early.append(event)
        elif self._as_json:
            line = json_of({"event": _NAMES[type(event)], **asdict(event)})
            self._write(lambda: print(line))
        elif not isinstance(event, ExecutionStarted):
            self._tell(event)

    def open(self) -> None:
        """Tell what has happened so far, and from now on what happens when it does."""
        early, self._early = self._early or [], None
        for event in early:
            self(event)

    def flush(self) -> None:
        """Tell how many were held back."""
        held, self._held, self._shown = self._held, Counter(), 0
        if held:
            counts = ", ".join(f"{count:,} {status}" for status, count in held.most_common())
            self._write(lambda: out().print(f"{'':10}… and {held.total():,} more: {counts}"))

    def _tell(self, event: ExecutionEnded | ExecutionNotRun) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() >= self._window_ends:
            self.flush()
            self._window_ends = loop.time() + 1
        if self._shown < MOST_PER_SECOND:
            self._shown += 1
            self._write(lambda: out().print(line_of(event), no_wrap=True, overflow="ellipsis", soft_wrap=False))
        else:
            if not self._held:
                loop.call_at(self._window_ends, self.flush)
            self._held[event.status] += 1

    def _write(self, write: Callable[[], None]) -> None:
        if self._gone:
            return
        try:
            write()
            sys.stdout.flush()
        except OSError as fault:
            self._gone = True
            nobody_reads()
            if not isinstance(fault, BrokenPipeError):
                say(f"Standard output can't be written to any more: {fault.strerror}. Runs are no longer told there.")


_NAMES = {
    ExecutionStarted: "execution_started",
    ExecutionEnded: "execution_ended",
    ExecutionNotRun: "execution_not_run",
}


def line_of(event: ExecutionEnded | ExecutionNotRun) -> Text:
    """Time, schedule, status, and of a run how late it began and how long it took; of the others, why not."""
    moment = event.executed_at if isinstance(event, ExecutionEnded) else event.scheduled_for
    name = clean(event.schedule_name)
    name = name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…"
    line = Text(f"{moment.astimezone(UTC):%H:%M:%SZ}  {name:{NAME_WIDTH}}  ")
    line.append(f"{event.status:9}", style=STYLES.get(event.status, ""))
    if isinstance(event, ExecutionNotRun):
        return line.append(f"  {clean(event.reason or '')}")
    late = max((event.executed_at - event.scheduled_for).total_seconds(), 0.0)
    line.append(f"  {span(late):>8} late  took {span(event.duration_seconds):>8}")
    if event.attempt > 1 or event.status == "QUEUED":
        line.append(f"  attempt {event.attempt}" + (", to be tried again" if event.status == "QUEUED" else ""))
    return line.append(f"  {clean(event.error)}", style="red") if event.error else line
