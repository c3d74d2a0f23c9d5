"""What ``rowcall preview`` tells of a rule: in words, and its next occurrences. Needs no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rowcall.domain.access import DEFAULT_CLIENT
from rowcall.domain.faults import read_partly
from rowcall.domain.triggers import read_local
from rowcall.domain.trying import try_out
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
    now, defaults = datetime.now(UTC), Settings.from_environment().schedule_defaults
    timezone = given.get("timezone") or defaults.timezone
    zone(timezone)
    read, faults = read_partly(PreviewFields, given)
    assert read is not None  # no field of it must be given
    tried = try_out(
        read,
        faults,
        client_id=read.client_id or DEFAULT_CLIENT,
        name=read.name or "",
        defaults=defaults,
        now=now,
        after=None if after is None else read_local(after, timezone, "--after"),
        count=count,
    )
    return Preview(**asdict(tried))


def _away(moment: datetime, now: datetime) -> str:
    return f"in {span(moment - now)}" if moment >= now else f"{span(now - moment)} ago"
