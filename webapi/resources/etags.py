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
    """Raise a 412 if the request was made for another state of the schedule."""
    wanted = request.headers.get("if-match")
    if wanted is None or wanted.strip() == "*":
        return
    if etag_of(schedule) not in [tag.strip() for tag in wanted.split(",")]:
        raise Problem(412, f"the schedule has changed meanwhile: its ETag is {etag_of(schedule)}; read it again")
