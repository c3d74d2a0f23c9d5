"""Static schedules: what an app declares in code becomes rows, whichever of its replicas starts first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rowcall.domain.definitions import Defaults, define
from rowcall.domain.errors import Conflict, InvalidInput

from .database import Database, Session
from .schedules import create_schedule, definition_of, known_tasks, lock_schedule, write_definition


@dataclass(frozen=True, slots=True)
class Declared:
    """A schedule as the code declares it: the app, its name within that, and the fields that were given."""

    source: str
    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Declaration:
    """What became of a declared schedule: ``created``, ``changed``, ``unchanged``, or ``refused`` with the reason."""

    name: str
    outcome: str
    reason: str | None = None


async def declare_schedules(database: Database, declared: Sequence[Declared], defaults: Defaults) -> list[Declaration]:
    """Write the declared schedules: new ones are created, changed ones changed, pauses left alone.

    One that can't be written (a fault in it, a name that is taken) is refused with the reason; the others are written.
    """
    return [await _declare(database, each, defaults) for each in declared]


async def _declare(database: Database, declared: Declared, defaults: Defaults) -> Declaration:
    try:
        async with database.transaction() as session:
            return Declaration(declared.name, await _write(session, declared, defaults))
    except (InvalidInput, Conflict) as fault:
        return Declaration(declared.name, "refused", str(fault))


async def _write(session: Session, declared: Declared, defaults: Defaults) -> str:
    client_id = declared.fields.get("client_id", "default")
    await session.fetch("lock_source", declared.source)
    rows = await session.fetch("find_static", declared.source)
    found = next((row for row in rows if (row["client_id"], row["name"]) == (client_id, declared.name)), None)
    now, _ = await known_tasks(session)
    given = {**declared.fields, "name": declared.name}
    if found is None:
        definition = define(given, now=now, defaults=defaults)
        await create_schedule(session, definition, source=declared.source, is_static=True)
        return "created"
    schedule = await lock_schedule(session, found["schedule_id"])
    previous = definition_of(schedule)
    definition = replace(define(given, now=now, defaults=defaults, previous=previous), name=declared.name)
    if definition == previous:
        return "unchanged"
    await write_definition(session, schedule["schedule_id"], definition)
    return "changed"
