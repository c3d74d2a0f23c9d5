"""The function that ends sql runs, called by the role of sql tasks with tokens that are stolen, used or guessed."""

from __future__ import annotations

import hashlib
from typing import Any

import asyncpg
import pytest

from rowcall.store.database import Database
from tests.worker.builtin.operator import Connection, Operator
from tests.worker.builtin.victim import a_victim, state_of_victim

FINISH = "SELECT rowcall.finish_sql_run($1, $2, $3, $4, 0.5, '\"forged\"')"


async def finish(operator: Operator, victim: asyncpg.Record, **changed: Any) -> None:
    given = {"execution_id": 9999, "scheduled_for": victim["scheduled_for"], "fence": 1, "token": b"stolen"} | changed
    await operator.as_sql_role.fetchval(FINISH, *given.values())


@pytest.fixture
async def victim(db: Connection) -> asyncpg.Record:
    await a_victim(db)
    [row] = await db.fetch("SELECT * FROM rowcall.schedule_executions WHERE execution_id = 9999")
    return row


@pytest.mark.parametrize(
    "changed",
    [
        {"execution_id": 9998},
        {"fence": 2},
        {"fence": 0},
        {"token": b"guessed"},
        {"token": None},
        {"execution_id": None},
    ],
    ids=str,
)
async def test_a_token_ends_nothing_but_the_attempt_it_was_issued_for(
    db: Connection, operator: Operator, victim: asyncpg.Record, changed: dict[str, Any]
) -> None:
    before = await state_of_victim(db)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="not that of this attempt"):
        await finish(operator, victim, **changed)
    assert await state_of_victim(db) == before


async def test_a_token_is_good_for_once(db: Connection, operator: Operator, victim: asyncpg.Record) -> None:
    await finish(operator, victim)
    ended = await state_of_victim(db)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="or was used"):
        await finish(operator, victim)
    assert await state_of_victim(db) == ended
    assert await db.fetchval("SELECT count(*) FROM rowcall.outcomes") == 1


async def test_the_token_of_an_attempt_that_was_given_up_ends_nothing(
    db: Connection, operator: Operator, victim: asyncpg.Record
) -> None:
    await db.execute("UPDATE rowcall.open_executions SET fence = 2 WHERE execution_id = 9999")
    await db.execute("UPDATE rowcall.schedule_executions SET fence = 2 WHERE execution_id = 9999")
    before = await state_of_victim(db)
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="given to another worker"):
        await finish(operator, victim)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await finish(operator, victim, fence=2)
    assert await state_of_victim(db) == before


@pytest.mark.parametrize("change", ["worker_id = 77", "worker_id = NULL, available_at = now()"])
async def test_a_token_ends_nothing_that_is_not_its_workers_any_more(
    db: Connection, operator: Operator, victim: asyncpg.Record, change: str
) -> None:
    await db.execute(f"UPDATE rowcall.open_executions SET {change} WHERE execution_id = 9999")
    before = await state_of_victim(db)
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="given to another worker"):
        await finish(operator, victim)
    assert await state_of_victim(db) == before


async def test_a_later_attempt_voids_the_token_of_the_one_before(
    db: Connection, database: Database, operator: Operator, victim: asyncpg.Record
) -> None:
    await db.execute("UPDATE rowcall.open_executions SET fence = 2 WHERE execution_id = 9999")
    assert await database.fetchval("issue_run_token", 9999, 1, hashlib.sha256(b"late").digest()) is None
    assert await database.fetchval("issue_run_token", 9999, 2, hashlib.sha256(b"second").digest()) == 9999
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await finish(operator, victim)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await finish(operator, victim, fence=2)
    await db.execute("UPDATE rowcall.schedule_executions SET fence = 2 WHERE execution_id = 9999")
    await finish(operator, victim, fence=2, token=b"second")
    assert await db.fetchval("SELECT status FROM rowcall.schedule_executions WHERE execution_id = 9999") == "SUCCEEDED"


async def test_nobody_may_call_the_function_who_was_not_granted_it(
    db: Connection, operator: Operator, victim: asyncpg.Record
) -> None:
    await db.execute(f"REVOKE ALL ON FUNCTION rowcall.finish_sql_run FROM {operator.role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for function"):
        await finish(operator, victim)
