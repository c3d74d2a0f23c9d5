"""What ``rowcall preview`` tells of a rule: in words, and its next occurrences. Needs no database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rowcall.domain.errors import InvalidInput
from rowcall.domain.faults import read_partly
from rowcall.domain.fields import TriggerFields
from rowcall.domain.timing import read_timing
from rowcall.domain.triggers import describe_trigger, occurrences_after, read_local
from rowcall.domain.zones import zone
from rowcall.settings import Settings

from .output import print_json, print_table, print_text, span


def preview(given: Mapping[str, Any], after: str | None, count: int, *, as_json: bool) -> None:
    """Tell what a rule means. Raises InvalidInput with every fault in it."""
    now = datetime.now(UTC)
    timezone = given.get("timezone") or Settings.from_environment().default_timezone
    zone(timezone)
    start = now if after is None else read_local(after, timezone, "--after")
    read, faults = read_partly(TriggerFields, given)
    assert read is not None  # no field of it must be given
    unusable = {fault.field.partition(".")[0] for fault in faults}
    timing, trigger, more = read_timing(
        read, unusable, default_timezone=timezone, created_at=start, client_id="default", name=""
    )
    if timing is None or trigger is None or faults:
        raise InvalidInput([*faults, *more])
    description = describe_trigger(**timing.rule())
    upcoming = occurrences_after(trigger, start, count)
    if as_json:
        print_json({"description": description, "timezone": timezone, "upcoming": upcoming})
        return
    print_text(description)
    local = zone(timezone)
    rows = [(f"{moment.astimezone(local):%a %Y-%m-%d %H:%M:%S %Z}", moment, _away(moment, now)) for moment in upcoming]
    print_table((f"LOCAL ({timezone})", "UTC", ""), rows, empty="No occurrence lies ahead.")


def _away(moment: datetime, now: datetime) -> str:
    return f"in {span(moment - now)}" if moment >= now else f"{span(now - moment)} ago"
