"""ETags of schedules: which state of a definition a change was made for, so that two editors don't undo each other.

The tag changes with the definition and the status, not with every run; so it serves `If-Match`, and no cache.
"""

from __future__ import annotations

from starlette.requests import Request

from rowcall.store.schedules import ScheduleRow
from rowcall.webapi.pages import EPOCH, MICROSECOND
from rowcall.webapi.problems import Problem

IF_MATCH = {"If-Match": "The `ETag` that the change was made for; with another one the answer is 412."}


def etag_of(schedule: ScheduleRow) -> str:
    """The tag of a schedule as it is."""
    return f'"{schedule["version"]}-{(schedule["updated_at"] - EPOCH) // MICROSECOND}"'


def check_match(request: Request, schedule: ScheduleRow) -> None:
    """Raise a 412 if the request was made for another state of the schedule, or for none: If-Match, If-None-Match."""
    etag = etag_of(schedule)
    wanted, unwanted = (_tags(request.headers.get(name)) for name in ("if-match", "if-none-match"))
    if wanted is not None and not {"*", etag} & set(wanted):
        raise Problem(412, _why_not(wanted, etag))
    if unwanted is None:
        return
    if "*" in unwanted:
        raise Problem(412, f"schedule {schedule['name']!r} exists already; leave out If-None-Match to change it")
    if etag in {tag.removeprefix("W/") for tag in unwanted}:
        raise Problem(412, f"the schedule is still in the state {etag}, which If-None-Match names")


def _tags(header: str | None) -> list[str] | None:
    return None if header is None else [tag.strip() for tag in header.split(",")]


def _why_not(wanted: list[str], etag: str) -> str:
    """What is wrong with the tags of an If-Match none of which is the present one."""
    if f"W/{etag}" in wanted:
        return f"If-Match names a weak ETag, which is none to change something by; send {etag} as it is"
    if etag.strip('"') in wanted:
        return f"an ETag stands in quotes: send If-Match: {etag}"
    return f"the schedule has changed meanwhile: its ETag is {etag}; read it again"
