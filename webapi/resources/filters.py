"""Which schedules a list is asked for: the query, and the filter that it means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from rowcall.store.schedule_lists import ScheduleFilter
from rowcall.webapi.pages import IdCursor
from rowcall.webapi.problems import InvalidParameters
from rowcall.webapi.queries import Query

Status = Literal["ACTIVE", "PAUSED", "COMPLETED", "DISABLED", "INVALID"]


class ScheduleQuery(Query):
    """Which schedules to list."""

    client_id: str | None = Field(None, description="What this client may see: its own, and the static ones of all.")
    status: list[Status] = Field([], description="May be repeated.")
    task_type: str | None = None
    schedule_type: Literal["cron", "interval", "one_time"] | None = None
    label: list[str] = Field([], description="`name=value`, or `name` for any value; repeated, all must match.")
    text: str | None = Field(None, description="Stands in the name or the description.")
    is_static: bool | None = None
    include_disabled: Annotated[bool, Field(description="Deleted ones too.")] = False
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: IdCursor | None = Field(None, description="`next_cursor` of the page before.")


def filter_of(query: ScheduleQuery) -> ScheduleFilter:
    """The filter that a query means. Raises InvalidParameters for labels that no schedule can have."""
    labels, label_names = _labels_in(query.label)
    return ScheduleFilter(
        statuses=query.status,
        client_id=query.client_id,
        task_type=query.task_type,
        schedule_type=query.schedule_type,
        labels=labels,
        label_names=label_names,
        text=query.text,
        is_static=query.is_static,
        include_disabled=query.include_disabled,
    )


def _labels_in(given: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The labels that are asked for with a value, and those with any."""
    values: dict[str, str] = {}
    names: list[str] = []
    for label in given:
        name, equals, value = label.partition("=")
        if not equals:
            names.append(name)
        elif values.setdefault(name, value) != value:
            both = f"{values[name][:80]!r} and {value[:80]!r}"
            raise InvalidParameters.of(
                "label", f"asks for two values of {name[:80]!r}, {both}; a schedule has one at most"
            )
    return values, names
