"""From the options of ``rowcall schedules create`` to the fields of a definition, as REST would get them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rowcall.domain.errors import InvalidInput

from .durations import seconds_of
from .options import an_object, pairs


def gathered(
    given: Mapping[str, Any],
    cron_fields: str | None,
    interval: str | None,
    input_data: str | None,
    labels: list[str] | None,
    settings: list[str] | None,
    file: str | None,
) -> dict[str, Any]:
    """The fields that were given: those of the file first, then the options, over them. Raises InvalidInput."""
    options = {
        **given,
        "cron_fields": an_object(cron_fields, "--cron-fields"),
        "interval_seconds": None if interval is None else seconds_of(interval, "--interval"),
        "input_data": an_object(input_data, "--input"),
        "labels": pairs(labels, "--label") or None,
        **{name: _value(text) for name, text in pairs(settings, "--set").items()},
    }
    return {**_of_file(file), **{name: value for name, value in options.items() if value is not None}}


def _value(text: str) -> Any:
    """JSON where it is JSON, else the text itself: 8, true, queue."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _of_file(file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidInput.of("--file", f"{file!r} can't be read: {fault}") from fault
    return an_object(text, "--file") or {}
