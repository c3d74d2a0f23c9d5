"""What ``rowcall retention`` does: drops the days of the ledger that are old enough, or says which those are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rowcall.domain.errors import InvalidInput
from rowcall.settings import MOST_DAYS, Settings
from rowcall.store.retention import Day, Retired, drop_old_days, old_days

from .access import a_database
from .durations import seconds_of
from .exits import ExitCode
from .output import print_json, print_table, say

COLUMNS = ("DAY", "EXECUTIONS", "SIZE", "WHAT")
DAY_SECONDS = 86_400


async def retain(older_than: str | None, *, dry_run: bool, as_json: bool) -> ExitCode:
    """Drop what is older than so long, or than the setting; FAULT if another process is at it."""
    settings = Settings.from_environment()
    age = _age(older_than, settings.retention_days)
    if age is None:
        say("Executions are kept for ever: ROWCALL_RETENTION_DAYS is 0, and there is no --older-than.")
        return ExitCode.OK
    async with a_database(settings, purpose="retention", size=3) as place:
        if dry_run:
            retired = _foreseen(await old_days(place.database, age))
        else:
            retired = await drop_old_days(place.database, age)
    _tell(retired, age, dry_run=dry_run, as_json=as_json)
    return ExitCode.FAULT if retired.busy else ExitCode.OK


def _age(older_than: str | None, days: int) -> timedelta | None:
    if older_than is None:
        return timedelta(days=days) if days else None
    seconds = seconds_of(older_than, "--older-than")
    if seconds < DAY_SECONDS:
        raise InvalidInput.of("--older-than", "a day is the least that is kept: 1d")
    if seconds > MOST_DAYS * DAY_SECONDS:
        raise InvalidInput.of("--older-than", f"{MOST_DAYS} days are the most, as of ROWCALL_RETENTION_DAYS")
    return timedelta(seconds=seconds)


def _foreseen(days: Sequence[Day]) -> Retired:
    going = [day for day in days if day.kept_because is None]
    return Retired(dropped=going, kept=[day for day in days if day.kept_because is not None])


def _tell(retired: Retired, age: timedelta, *, dry_run: bool, as_json: bool) -> None:
    word = "would be dropped" if dry_run else "dropped"
    days = sorted([*retired.dropped, *retired.kept], key=lambda day: day.day)
    if as_json:
        for day in days:
            print_json(
                {
                    "day": day.day.isoformat(),
                    "executions": day.executions,
                    "bytes": day.bytes,
                    "dropped": day.kept_because is None and not dry_run,
                    "kept_because": day.kept_because,
                }
            )
    elif days:
        print_table(COLUMNS, [_line(day, word) for day in days], empty="")
    if retired.busy:
        say("Another process drops days right now; nothing was done here.")
    elif not days:
        say(f"No day of the ledger is older than {_told(age)}.")
    else:
        say(f"{len(retired.dropped)} days {word}, {len(retired.kept)} kept.")


def _line(day: Day, word: str) -> tuple[str, str, str, str]:
    what = word if day.kept_because is None else f"kept: {day.kept_because}"
    return day.day.isoformat(), f"{day.executions:,}", f"{day.bytes / 2**20:,.1f} MB", what


def _told(age: timedelta) -> str:
    return f"{age.days} days" if age.days != 1 else "a day"
