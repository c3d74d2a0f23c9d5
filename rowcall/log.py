"""Logging: structlog over the standard library's handlers; Rowcall, uvicorn, asyncio and tasks share one format.

Every line goes to standard error: data is for standard output. On a terminal it is for people, elsewhere JSON, one
object a line. Inside a run, every line names the run, whichever logger wrote it. Nothing that is logged can look like a
line of its own: JSON escapes line breaks, the console format escapes them too, and indents tracebacks.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from .app.run import current_run

_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access")
_AT_LEAST = {
    "httpx2": logging.WARNING,  # below, it tells of every request, with its URL and what is secret in it
    "httpcore2": logging.WARNING,
    "asyncpg.pool": logging.ERROR,  # below, a traceback for each try while the server is away, which workers tell of
}
_OWN_LOGGERS = ("rowcall.worker", "rowcall.webapi", "rowcall.store")
_AUDITED = ("schedule_", "execution_", "backfill_", "webhook_redeliver")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_configured: tuple[str, str] | None = None


def configure(level: str, log_format: str) -> None:
    """Send all logging of this process to standard error. Can be called again: the last call holds.

    `level` is debug, info, warning, error or critical; `log_format` is auto (console on a terminal, else JSON), console
    or json.
    """
    global _configured  # noqa: PLW0603 - logging is the process's own; children are told the same
    _configured = (level, log_format)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_common(), ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(_wants_json(log_format, sys.stderr)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    _quieten(number)
    logging.captureWarnings(capture=True)


def configured() -> tuple[str, str] | None:
    """The level and format that `configure` was last called with, to tell a child process; None if it never was."""
    return _configured


def _common() -> list[Processor]:
    """What happens to every line, whether it comes from structlog or from the standard library."""
    return [
        structlog.contextvars.merge_contextvars,
        _name_the_run,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _categorise,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]


def _formatter(as_json: bool) -> logging.Formatter:  # noqa: FBT001 - private, and called once
    """From an event to its line."""
    ends: list[Processor] = [ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info]
    if as_json:
        ends.append(structlog.processors.JSONRenderer())
    else:
        colors = sys.stderr.isatty()
        ends += [_on_one_line, structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="ts", pad_event_to=0)]
    return ProcessorFormatter(foreign_pre_chain=[*_common(), structlog.stdlib.ExtraAdder()], processors=ends)


def _wants_json(log_format: str, stream: TextIO) -> bool:
    return log_format == "json" or (log_format == "auto" and not stream.isatty())


def _quieten(number: int) -> None:
    """Take away the handlers that others bring, and the lines that nobody needs."""
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name, level in _AT_LEAST.items():
        logging.getLogger(name).setLevel(max(number, level))


def _name_the_run(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the ids of the run that this code is part of."""
    run = current_run()
    if run is not None:
        for key, value in run.identity.items():
            event.setdefault(key, value)
    return event


def _categorise(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Say of Rowcall's own lines what they are for: AUDIT, SYSTEM or ERROR, and the result of what they tell.

    AUDIT is what happens to schedules and executions, whoever does it; ERROR is what went wrong in one; the rest is
    SYSTEM. What tasks log, and what libraries do, is theirs.
    """
    if event["logger"].startswith(_OWN_LOGGERS):
        name = str(event["event"])
        if name == "scheduler_job_error" or event["level"] in {"error", "critical"}:
            event.update(category="ERROR", result="FAILED")
        elif name.startswith(_AUDITED) and name != "schedule_service_init":
            event.update(category="AUDIT", result=event.get("status", "SUCCESS"))
        else:
            event["category"] = "SYSTEM"
    return event


def _on_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape what would break a line; only a traceback has several, and they are indented."""
    traceback = event.pop("exception", None)
    _escape(event)
    if traceback is not None:
        lines = str(traceback).splitlines()
        event["exception"] = "\n".join("  | " + _CONTROL.sub(_escaped, line) for line in lines)
    return event


def _escape(event: MutableMapping[str, Any]) -> None:
    for key, value in event.items():
        shown = value if isinstance(value, str) else repr(value)
        if _CONTROL.search(shown):
            event[key] = _CONTROL.sub(_escaped, shown)


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")
