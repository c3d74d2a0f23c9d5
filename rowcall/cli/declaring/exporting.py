"""``rowcall export``: what is there, as a file that can be applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rowcall.cli.access import a_database
from rowcall.cli.output import clean, print_json, print_text, say
from rowcall.domain.credentials import credentials_in
from rowcall.domain.errors import InvalidInput
from rowcall.domain.schedule_files import SOURCE_PREFIX
from rowcall.domain.schedules import ScheduleStatus
from rowcall.settings import Settings
from rowcall.store.declared_schedules import find_exportable
from rowcall.store.schedules import ScheduleRow

from .writing import entry_of, yaml_of

REMARKS = ("Written by rowcall export. See what applying it would change: rowcall diff -f FILE",)


async def export(source: str | None, adopt: str | None, client: str | None, *, full: bool, as_json: bool) -> None:
    """Write the schedules of one source, or with `adopt` those of no file, as a file of that source.

    Raises InvalidInput where it is not clear which source is meant.
    """
    settings = Settings.from_environment()
    async with a_database(settings, purpose="export") as place:
        there = await find_exportable(place.database, client)
    owner = adopt or source or _only_source(there)
    rows = [row for row in there if _is_meant(row, owner, adopting=adopt is not None)]
    for row in rows:
        _tell(row)
    usable = [row for row in rows if row["status"] != ScheduleStatus.INVALID]
    entries = [entry_of(row, settings.schedule_defaults, full=full) for row in usable]
    document = {"source": owner, "schedules": entries}
    if as_json:
        print_json(document)
    else:
        print_text(yaml_of(document, REMARKS))
    written = f"{len(entries)} schedule{'' if len(entries) == 1 else 's'}."
    say(f"{written} Applying them needs --take-over." if adopt and entries else written)


def _only_source(rows: Sequence[ScheduleRow]) -> str:
    counts = Counter(str(row["source"]) for row in rows)
    files = [source.removeprefix(SOURCE_PREFIX) for source in counts if source.startswith(SOURCE_PREFIX)]
    if len(files) == 1:
        return files[0]
    listed = ", ".join(f"{source} ({count})" for source, count in sorted(counts.items())) or "no schedules"
    raise InvalidInput.of(
        "--source",
        f"is needed: there are {listed}. --source billing writes those of file:billing; --adopt billing writes those "
        "that belong to no file, to be applied as that source with --take-over",
    )


def _is_meant(row: ScheduleRow, owner: str, *, adopting: bool) -> bool:
    if adopting:
        return not row["source"].startswith(SOURCE_PREFIX)
    return bool(row["source"] == f"{SOURCE_PREFIX}{owner}")


def _tell(row: ScheduleRow) -> None:
    """What a reader of the file should know of one of its schedules."""
    if row["status"] == ScheduleStatus.INVALID:
        say(f"Left out: {clean(row['name'])} is INVALID: {clean(str(row['status_reason']))}")
    for path in credentials_in(row["input_data"]):
        say(f'Warning: {clean(row["name"])}: {clean(path)} looks like a credential; use {{"$secret": "its-name"}}')
