"""What ``rowcall preview`` tells of a rule: in words, and its next occurrences. Needs no database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rowcall.domain.access import DEFAULT_CLIENT
from rowcall.domain.errors import InvalidInput
from rowcall.domain.faults import read_partly
from rowcall.domain.timing import read_timing
from rowcall.domain.triggers import describe_trigger, occurrences_after, read_local
from rowcall.domain.zones import zone
from rowcall.settings import Settings
from rowcall.wire.previewing import Preview, PreviewFields

from .output import print_json, print_table, print_text, span
from .reaching import an_api, server_named
from .running import run


def preview(given: Mapping[str, Any], after: str | None, count: int, *, as_json: bool) -> None:
    """Tell what a rule means. Raises InvalidInput with every fault in it."""
    told = _here(given, after, count) if server_named() is None else run(_elsewhere(given, after, count))
    if as_json:
        print_json(told.model_dump())
        return
    print_text(told.description)
    local, now = zone(told.timezone), datetime.now(UTC)
    rows = [(f"{at.astimezone(local):%a %Y-%m-%d %H:%M:%S %Z}", at, _away(at, now)) for at in told.upcoming]
    print_table((f"LOCAL ({told.timezone})", "UTC", ""), rows, empty="No occurrence lies ahead.")


async def _elsewhere(given: Mapping[str, Any], after: str | None, count: int) -> Preview:
    async with an_api() as api:
        return await api.client.preview(after=after, count=count, **given)


def _here(given: Mapping[str, Any], after: str | None, count: int) -> Preview:
    now = datetime.now(UTC)
    timezone = given.get("timezone") or Settings.from_environment().default_timezone
    zone(timezone)
    start = now if after is None else read_local(after, timezone, "--after")
    read, faults = read_partly(PreviewFields, given)
    assert read is not None  # no field of it must be given
    unusable = {fault.field.partition(".")[0] for fault in faults}
    whose = {"client_id": read.client_id or DEFAULT_CLIENT, "name": read.name or ""}
    timing, trigger, more = read_timing(read, unusable, default_timezone=timezone, created_at=start, **whose)
    if timing is None or trigger is None or faults:
        raise InvalidInput([*faults, *more])
    return Preview(
        description=describe_trigger(**{**timing.rule(), **whose}),
        timezone=timezone,
        upcoming=occurrences_after(trigger, start, count),
    )


def _away(moment: datetime, now: datetime) -> str:
    return f"in {span(moment - now)}" if moment >= now else f"{span(now - moment)} ago"
