"""What is kept of an error: its type and message first, then the last lines of its traceback, within a limit.

Text that PostgreSQL can't hold (NUL, lone surrogates) is replaced here, so that a strange message never costs a result.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from types import TracebackType

from rowcall.app import DoNotRetry

_FRAMES = 12
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_OURS = str(Path(__file__).parent)


class Told(Exception):
    """Base of what built-in tasks raise: the message says all there is, and is kept without type and traceback."""


class TookTooLong(Told):
    """A built-in task came to a time limit of its own: the attempt has TIMED_OUT."""


class Refused(Told, DoNotRetry):
    """A built-in task can't do what its input_data asks for, today or tomorrow."""


def describe_error(fault: BaseException, max_bytes: int) -> str:
    """Type, message and the innermost frames of the task's own code, at most `max_bytes` of UTF-8. Never raises."""
    if isinstance(fault, Told):
        return cut(str(fault), max_bytes)
    try:
        report = traceback.TracebackException(type(fault), fault, _own_frames(fault), limit=-_FRAMES, compact=True)
        first = "".join(report.format_exception_only()).strip()
        whole = first if fault.__traceback__ is None else f"{first}\n\n{''.join(report.format()).strip()}"
    except Exception as failure:  # noqa: BLE001 - an exception whose own methods raise must not cost the outcome
        whole = f"{type(fault).__qualname__} (its text can't be told: {type(failure).__qualname__})"
    return cut(whole, max_bytes)


def cut(text: str, max_bytes: int) -> str:
    """Storable text of at most `max_bytes` of UTF-8; too long, it loses its middle and says so."""
    text = storable(text)
    encoded = text.encode()
    if len(encoded) <= max_bytes:
        return text
    note = f"\n… {len(encoded) - max_bytes} bytes and a few left out …\n"
    room = max(0, max_bytes - len(note.encode()))
    head, tail = encoded[: room - room // 2], encoded[len(encoded) - room // 2 :]
    return head.decode(errors="ignore") + note + tail.decode(errors="ignore")


def storable(text: str) -> str:
    """The text without what a PostgreSQL text can't hold."""
    return _UNSTORABLE.sub("\ufffd", text)


def _own_frames(fault: BaseException) -> TracebackType | None:
    """The traceback without the frames of Rowcall that merely called the task."""
    found = fault.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_OURS) and found.tb_next is not None:
        found = found.tb_next
    return found
