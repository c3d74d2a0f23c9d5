"""A change of one schedule in two statements: it is read, and written if it is still as it was read.

Nearly always nobody else changes it meanwhile, and one row is all there is to write. A transaction that locks it first
takes four statements for the same, and a third more of the machine. It comes second: where the row has changed, or is
locked and then changes, and where more than the row is to be written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from .database import Database
from .sessions import Row, Session, Swift

T = TypeVar("T")


class Overtaken(Exception):
    """Nothing was written: it takes a transaction that locks the schedule."""


async def swiftly(database: Database, do: Callable[[Session], Awaitable[T]]) -> T:
    """What `do` returns, to which every schedule is locked that it asks to have locked, as far as it can tell.

    Only its last statement writes, and it does nothing else: it is called once more, in a transaction, where the first
    time came to nothing.
    """
    if database.has_sessions:
        try:
            async with database.swift() as session:
                return await do(session)
        except Overtaken:
            pass
    async with database.transaction(one_plan=True) as transaction:
        return await do(transaction)


def guard(session: Session, written_by: int | None) -> tuple[int | None, str | None]:
    """What a statement that writes a schedule has to know where none is locked: who wrote it last, and who does now."""
    return (written_by, session.access.who) if session.is_swift else (None, None)


def begun_by(session: Session, moment: datetime | None) -> datetime | None:
    """When a statement must have begun in order to be done before a moment; None where there is none."""
    if moment is None or not isinstance(session, Swift):
        return None
    return moment - timedelta(seconds=session.timeout_seconds)


def written(session: Session, row: Row | None) -> Row:
    """The row of a schedule that was written. Raises Overtaken where it was no longer as it had been read."""
    if row is not None:
        return row
    assert session.is_swift  # what is locked is there
    raise Overtaken


def needs_a_lock(session: Session) -> None:
    """Raise Overtaken where nothing is locked: more is to be written than one row."""
    if session.is_swift:
        raise Overtaken
