"""Newer time zone data: what the older one planned is planned anew once, and the installation notes which is in use.

By the newer data a zone's clock may run otherwise: `0 9 * * *`, planned for 08:00Z, is to come at 09:00Z. What lies
ahead is moved, as soon as no worker has older data any more: such a one would go on planning by it. What is due was
owed by the older data, and is answered as it was. Nothing comes of instants before now that only the newer data names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rowcall.domain.planning import run_moment
from rowcall.domain.schedules import schedule_of
from rowcall.domain.settling import owed_from
from rowcall.domain.triggers import next_occurrence
from rowcall.domain.zones import UNKNOWN, is_newer, tzdata_version

from .database import Database
from .diagnosis import alive_workers
from .planning import UNPLANNABLE, parsed
from .sessions import Row

SCHEDULES_AT_ONCE = 500
FIRST = -(2**63)
PIN = "give every replica the same version of the package tzdata, and pin it"


class Standing(StrEnum):
    """How this process's time zone data stands to that of the installation."""

    SAME = "the same"
    OLDER = "older"
    WAITING = "newer, and workers with older data are alive"
    ADOPTED = "newer, and in use from now on"


@dataclass(frozen=True, slots=True)
class ZoneData:
    """This process's data and the installation's; the workers with older data; how many schedules were moved."""

    standing: Standing
    own: str
    noted: str
    older_workers: Sequence[str] = ()
    moved: int = 0


class Move(NamedTuple):
    """A schedule that is to come at another moment; None and None: that is to be planned, having none ahead."""

    schedule_id: int
    version: int
    so_far: datetime
    next_occurrence_at: datetime | None
    next_run_at: datetime | None


async def compare_zone_data(database: Database) -> ZoneData:
    """How this process's data stands, with nothing done about it."""
    own, noted = tzdata_version(), await database.fetchval("zone_data")
    if is_newer(noted, own):
        return ZoneData(Standing.OLDER, own, noted)
    return ZoneData(Standing.WAITING if is_newer(own, noted) else Standing.SAME, own, noted)


async def adopt_zone_data(database: Database) -> ZoneData:
    """Bring what is planned, and what the installation notes, up to this process's data where that is newer.

    Nothing is locked but what is moved. Done by several at once, or cut off and done again, it comes to the same.
    """
    found = await compare_zone_data(database)
    if found.standing is not Standing.WAITING:
        return found
    older = [w.name for w in await alive_workers(database) if is_newer(found.own, w.tzdata_version or UNKNOWN)]
    if older:
        return ZoneData(Standing.WAITING, found.own, found.noted, older)
    moved = await _plan_anew(database)
    await database.fetch("note_zone_data", found.own, found.noted)
    return ZoneData(Standing.ADOPTED, found.own, found.noted, moved=moved)


async def _plan_anew(database: Database) -> int:
    row = await database.fetchrow("zone_data")
    assert row is not None  # there is always the one
    now, moved, after = row["now"], 0, FIRST
    while rows := await database.fetch("planned_in_zones", after, now, SCHEDULES_AT_ONCE):
        after = rows[-1]["schedule_id"]
        moves = await asyncio.to_thread(_moves, rows, now)  # a new rule takes a part of a millisecond
        if moves:
            moved += await database.fetchval("move_planned", *(list(column) for column in zip(*moves, strict=True)))
    return moved


def _moves(rows: Sequence[Row], now: datetime) -> list[Move]:
    moves: list[Move] = []
    for row in rows:
        try:
            schedule = schedule_of(row, parsed(row["cron_fields"]))
            answered = schedule.last_occurrence_at or owed_from(schedule.trigger, schedule.created_at)
            following = next_occurrence(schedule.trigger, max(now, answered))
            if following != schedule.next_occurrence_at:
                moment = following and run_moment(schedule, following)
                moves.append(Move(row["schedule_id"], row["version"], row["next_occurrence_at"], following, moment))
        except UNPLANNABLE:
            continue  # its next look will say why
    return moves
