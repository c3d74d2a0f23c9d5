"""Lengths of time as people type them: 90, 90s, 5m, 1h30m, 2d, 1w."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from rowcall.client import AsyncClient
from rowcall.domain.errors import InvalidInput
from rowcall.domain.triggers import read_local
from rowcall.store.database import Database

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1, "": 1}
_WHOLE = re.compile(r"(\d{1,12}[wdhm]\s*)*(\d{1,12}s?)?", re.ASCII)
_PART = re.compile(r"(\d+)([wdhms]?)", re.ASCII)


def seconds_of(text: str, option: str) -> int:
    """The length in seconds. Raises InvalidInput."""
    text = text.strip().lower()
    if not text or not _WHOLE.fullmatch(text):
        raise InvalidInput.of(
            option, f"a length of time is needed, such as 90, 90s, 5m, 1h30m or 2d, not {text[:60]!r}"
        )
    return sum(int(count) * UNITS[unit] for count, unit in _PART.findall(text))


async def moment_asked_for(database: Database, text: str | None, option: str) -> datetime | None:
    """The moment, or None of nothing; what is some time ago is so by PostgreSQL's clock. Raises InvalidInput."""
    return None if text is None else moment_of(text, option, await database.fetchval("now"))


async def moment_asked_of(client: AsyncClient, text: str | None, option: str) -> datetime | None:
    """The same, of an API; its clock is asked for only where it is needed. Raises InvalidInput."""
    if text is None:
        return None
    return moment_of(text, option, (await client.stats()).now) if is_ago(text) else read_local(text, "UTC", option)


def is_ago(text: str) -> bool:
    """Whether this is a length of time, and no moment."""
    return bool(re.fullmatch(r"[\dwdhms\s]+", text) and not re.fullmatch(r"\d{4,8}", text))


def moment_of(text: str, option: str, now: datetime) -> datetime:
    """A moment: ISO 8601, in UTC where it has no offset, or a length of time ago. Raises InvalidInput."""
    return _away(text, option, now, -1) if is_ago(text) else read_local(text, "UTC", option)


def moment_ahead(text: str, option: str, now: datetime) -> datetime:
    """The same, but that a length of time is one from now."""
    return _away(text, option, now, +1) if is_ago(text) else read_local(text, "UTC", option)


def _away(text: str, option: str, now: datetime, direction: int) -> datetime:
    seconds = direction * seconds_of(text, option)
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        raise InvalidInput.of(option, "beyond the years 1 to 9999") from None
