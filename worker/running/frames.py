"""What the worker and its child processes say to each other: JSON objects, each after its length in four bytes.

    worker → child    prepare {path, log, limits}    once, first
                      run {reference, run}           one at a time
                      stop {reason}                  concerns what runs now, else nothing
    child → worker    end {end, text, seen}          what became of it

No pickle: a task's process may run anything, and what it answers is only ever read as data.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from struct import Struct
from typing import Any

from rowcall.app import Run

Frame = dict[str, Any]

LENGTH = Struct("!I")
LONGEST = 2**28

_MOMENTS = ("scheduled_for", "triggered_at")


def pack(frame: Frame) -> bytes:
    """A frame as bytes. Raises TypeError or ValueError for what isn't JSON."""
    body = json.dumps(frame, separators=(",", ":")).encode()
    if len(body) > LONGEST:
        raise ValueError(f"{len(body)} bytes are too much for a child process; {LONGEST} is the limit")
    return LENGTH.pack(len(body)) + body


def length_of(head: bytes) -> int:
    """The length that a frame's first bytes announce. Raises ValueError when that is no frame."""
    length: int = LENGTH.unpack(head)[0]
    if length > LONGEST:
        raise ValueError(f"a frame of {length} bytes was announced; something else wrote to the channel")
    return length


def unpack(body: bytes) -> Frame:
    """A frame from the bytes after its length. Raises ValueError when that is no frame."""
    frame = json.loads(body)
    if not isinstance(frame, dict):
        raise ValueError(  # noqa: TRY004 - as json raises it: what came is no frame
            f"a JSON object was expected, found a {type(frame).__name__}"
        )
    return frame


def run_to_frame(run: Run) -> Frame:
    """A run as plain data; its signal stays here."""
    plain = {field.name: getattr(run, field.name) for field in fields(run) if field.name != "signal"}
    return plain | {name: plain[name].isoformat() for name in _MOMENTS}


def run_from_frame(frame: Frame) -> Run:
    """The run, with a signal of its own."""
    return Run(**(frame | {name: datetime.fromisoformat(frame[name]) for name in _MOMENTS}))
