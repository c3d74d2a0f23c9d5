"""Static schedules: what an app declares in code becomes rows, whichever of its replicas starts first.

While versions of an app run side by side they may disagree. What is in force stays in force as long as one live worker
of that app declares just that; the others wait. So a rollout changes each schedule once, when the last worker of the
old version has ended, however often workers of either are started and stopped. What no version had before is created
at once.

A schedule that is no longer declared is set aside (PAUSED, the reason begins with ``gone:``) by the same rule, and goes
on when its code is back. Nothing is deleted, and what people paused stays paused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rowcall.domain.access import Access
from rowcall.domain.definitions import Defaults, Definition, define
from rowcall.domain.errors import Conflict, InvalidInput
from rowcall.domain.schedules import ScheduleStatus, gone_reason, is_gone

from .database import Database
from .jsonb import read_jsonb
from .schedules import (
    ScheduleRow,
    create_schedule,
    definition_of,
    known_tasks,
    lock_schedule,
    set_status,
    write_definition,
)
from .sessions import Session

UNUSABLE = "unusable"
"""What a worker declares of a schedule that can't be written: it is there, and no row is like it."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A schedule as the code declares it: the app, its name within that, and the fields that were given."""

    source: str
    name: str
    fields: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Its name within the source; a name has no slash."""
        return f"{self.fields.get('client_id', 'default')}/{self.name}"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What became of a declared schedule.

    ``created``, ``changed``, ``unchanged``; with a reason: ``waiting`` while another version is in force, ``refused``.
    """

    declared: Declared
    outcome: str
    fingerprint: str
    reason: str | None = None


async def declare_schedules(
    database: Database, worker_id: int, declared: Sequence[Declared], defaults: Defaults
) -> list[Declaration]:
    """Write the schedules that this worker declares, and note that it does; pauses are left alone.

    One that can't be written (a fault in it, a name that is taken) is refused with the reason; the others are written.
    """
    outcomes = [await _declare(database, worker_id, each, defaults) for each in declared]
    noted: dict[str, dict[str, str]] = {}
    for outcome in outcomes:
        noted.setdefault(outcome.declared.source, {})[outcome.declared.key] = outcome.fingerprint
    await database.fetch("note_declared", worker_id, json.dumps(noted))
    return outcomes


async def set_aside_gone(database: Database, sources: Collection[str]) -> list[str]:
    """Set aside the ACTIVE static schedules of these sources that no live worker of theirs declares; their names."""
    names: list[str] = []
    for source in sorted(sources):
        if not await database.fetch("find_gone", source):
            continue
        async with _code(database, source).transaction() as session:
            await session.fetch("lock_source", source)
            for row in await session.fetch("find_gone", source):
                schedule = await lock_schedule(session, row["schedule_id"])
                if schedule["status"] == ScheduleStatus.ACTIVE:
                    await set_status(session, schedule, ScheduleStatus.PAUSED, gone_reason(source))
                    names.append(schedule["name"])
    return names


def _code(database: Database, source: str) -> Database:
    """The database, on behalf of an app's code."""
    return database.acting(Access(f"the code of {source}"))


async def _declare(database: Database, worker_id: int, declared: Declared, defaults: Defaults) -> Declaration:
    try:
        async with _code(database, declared.source).transaction() as session:
            await session.fetch("lock_source", declared.source)
            return await _write(session, worker_id, declared, defaults)
    except (InvalidInput, Conflict) as fault:
        return Declaration(declared, "refused", UNUSABLE, str(fault))


async def _write(session: Session, worker_id: int, declared: Declared, defaults: Defaults) -> Declaration:
    rows = await session.fetch("find_static", declared.source)
    found = next((row for row in rows if f"{row['client_id']}/{row['name']}" == declared.key), None)
    now, _ = await known_tasks(session)
    given = {**declared.fields, "name": declared.name}
    if found is None:
        definition = define(given, now=now, defaults=defaults)
        await create_schedule(session, definition, source=declared.source, is_static=True)
        return Declaration(declared, "created", fingerprint(definition))
    schedule = await lock_schedule(session, found["schedule_id"])
    previous = definition_of(schedule)
    judged = define(given, now=now, defaults=defaults, previous=previous, created_at=schedule["created_at"])
    definition = replace(judged, name=declared.name)
    wanted = fingerprint(definition)
    if definition == previous and not is_gone(schedule):
        return Declaration(declared, "unchanged", wanted)
    in_force = None if is_gone(schedule) else fingerprint(previous)
    if (holder := await _who_declares(session, worker_id, declared, in_force)) is not None:
        return Declaration(declared, "waiting", wanted, f"worker {holder} runs, and declares it otherwise")
    await _put_into_force(session, schedule, definition)
    return Declaration(declared, "changed", wanted)


async def _who_declares(session: Session, worker_id: int, declared: Declared, in_force: str | None) -> str | None:
    """The name of another live worker that declares just this (None: nothing). One that has not said yet may do so."""
    for row in await session.fetch("declared_by_others", declared.source, worker_id):
        declares = read_jsonb(row["declares"])
        if declares is None or declares.get(declared.source, {}).get(declared.key) == in_force:
            return str(row["name"])
    return None


async def _put_into_force(session: Session, schedule: ScheduleRow, definition: Definition) -> None:
    if definition != definition_of(schedule):
        schedule = await write_definition(session, schedule["schedule_id"], definition)
    if is_gone(schedule):
        await set_status(session, schedule, ScheduleStatus.ACTIVE, None)


def fingerprint(definition: Definition) -> str:
    """The same for equal definitions, whoever computes it."""
    text = json.dumps(definition.columns(), default=_in_utc, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _in_utc(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case Mapping():
            return dict(value)
    raise TypeError(f"no definition holds a {type(value).__name__}")
