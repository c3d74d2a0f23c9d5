"""Schedules that files declare: what is there of them, and what a plan makes of it. All in the caller's transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence

from rowcall.domain.declaring import Action, Change
from rowcall.domain.errors import Conflict
from rowcall.domain.schedules import ScheduleStatus, is_gone

from .planning import plan_schedules
from .schedules import (
    ScheduleRow,
    change_schedule,
    delete_schedule,
    find_schedule,
    find_schedules,
    insert_schedule,
    set_status,
)
from .sessions import Session

AT_ONCE = 500


async def lock_sources(session: Session, sources: Collection[str], tell: Callable[[str], None]) -> None:
    """Keep every other apply of these sources out until the transaction ends; `tell` hears which is waited for.

    To compare a hundred thousand schedules takes longer than a statement may: that pause is allowed from here on.
    """
    await session.fetch("allow_pauses")
    for source in sorted(sources):
        if not await session.fetchval("try_lock_source", source):
            tell(source)
            await session.fetch("lock_source", source)


async def find_declared(session: Session, keys: Sequence[tuple[str, str]]) -> list[ScheduleRow]:
    """The schedules of these clients and names that are not deleted."""
    rows = await session.fetch("find_named", [client for client, _ in keys], [name for _, name in keys])
    return await find_schedules(session, [row["schedule_id"] for row in rows])


async def find_of_sources(session: Session, sources: Collection[str]) -> list[ScheduleRow]:
    """The schedules of these sources that are not deleted, static ones aside, in order of id."""
    rows = await session.fetch("find_of_sources", sorted(sources))
    return await find_schedules(session, [row["schedule_id"] for row in rows])


async def find_exportable(session: Session, client_id: str | None) -> list[ScheduleRow]:
    """All schedules, of one client where that is given, that are neither deleted nor static, in order of id."""
    rows = await session.fetch("find_exportable", client_id)
    return await find_schedules(session, [row["schedule_id"] for row in rows])


async def carry_out(session: Session, changes: Sequence[Change]) -> AsyncIterator[Change]:
    """Do what a plan says, one schedule after the other; each is yielded when it is done. New ones are planned last.

    Only what is changed is locked, and first of all: what is left alone is claimed meanwhile as ever.
    Raises Conflict where a schedule was changed, or a name taken, since the plan was made.
    """
    present = await _locked(session, changes)
    created: list[int] = []
    for change in changes:
        if change.schedule_id is None:
            created.append(await _create(session, change))
        elif change.action is Action.PRUNE:
            await delete_schedule(session, present[change.schedule_id])
        elif change.action is Action.CHANGE:
            await _change(session, change, present[change.schedule_id])
        yield change
    for chunk in (created[start : start + AT_ONCE] for start in range(0, len(created), AT_ONCE)):
        await plan_schedules(session, chunk, limit=AT_ONCE)


async def _locked(session: Session, changes: Sequence[Change]) -> Mapping[int, ScheduleRow]:
    """The schedules to be changed, as they stay until the transaction ends."""
    versions = {change.schedule_id: change.version for change in changes if change.schedule_id is not None}
    await session.fetch("lock_schedules", list(versions))
    present = {row["schedule_id"]: row for row in await find_schedules(session, list(versions))}
    for schedule_id, version in versions.items():
        if schedule_id not in present or present[schedule_id]["version"] != version:
            raise Conflict(
                f"schedule {schedule_id} was changed since the plan was made; nothing was written: apply again"
            )
    return present


async def _create(session: Session, change: Change) -> int:
    assert change.definition is not None  # only what is pruned has none
    return await insert_schedule(session, change.definition, source=change.source)


async def _change(session: Session, change: Change, before: ScheduleRow) -> None:
    """Another definition, another owner, or both. What was set aside because its code is gone has a place again."""
    assert change.definition is not None
    if change.takes_over:
        await session.fetch("take_over_schedule", before["schedule_id"], change.source)
    if is_gone(before):
        await set_status(session, before, ScheduleStatus.ACTIVE, None)
    present = await find_schedule(session, before["schedule_id"]) if change.takes_over else before
    await change_schedule(session, present, change.definition)
