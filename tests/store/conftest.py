"""What the stories of the store begin with: a schedule, a worker, an execution, in a fresh database."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from rowcall.store.database import Database
from rowcall.store.executions import execute_schedule
from rowcall.store.leases import WorkerCard, register_worker
from rowcall.store.schedules import lock_schedule
from tests.databases import Admin
from tests.store.stories import HOUR, NOON, AnExecution, ASchedule, AWorker, Connection


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """The store, on the fresh database of `dsn`."""
    async with Database.open(dsn, size=12) as database:
        yield database


@pytest.fixture
async def another_connection(dsn: str) -> AsyncIterator[Connection]:
    """Someone else's session in the same database."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
def a_schedule(db: Connection) -> ASchedule:
    async def insert(**columns: Any) -> int:
        given: dict[str, Any] = {"task_type": "work", "created_at": NOON - HOUR} | columns
        if not given.keys() & {"cron_expression", "cron_fields", "interval_seconds", "scheduled_time"}:
            given["interval_seconds"] = 3600
        if "schedule_type" not in given:
            given["schedule_type"] = (
                "interval" if "interval_seconds" in given else "one_time" if "scheduled_time" in given else "cron"
            )
        values = [json.dumps(value) if isinstance(value, dict) else value for value in given.values()]
        names = ", ".join(f'"{name}"' for name in given)
        places = ", ".join(f"${place}" for place in range(1, len(given) + 1))
        schedule_id: int = await db.fetchval(
            f"INSERT INTO rowcall.schedules ({names}) VALUES ({places}) RETURNING schedule_id", *values
        )
        return schedule_id

    return insert


@pytest.fixture
def a_worker(database: Database) -> AWorker:
    async def register(*routes: str, lease_seconds: float = 60.0) -> int:
        card = WorkerCard("here:1", "here", 1, "0", ["tests"], routes or ("work",), 10, lease_seconds)
        return await register_worker(database, card, [])

    return register


@pytest.fixture
def an_execution(database: Database) -> AnExecution:
    async def request(schedule_id: int) -> int:
        async with database.transaction() as transaction:
            execution = await execute_schedule(transaction, await lock_schedule(transaction, schedule_id))
        execution_id: int = execution["execution_id"]
        return execution_id

    return request


@pytest.fixture(scope="module")
def module_dsn(admin: Admin, template_database: str) -> Iterator[str]:
    """A database for the whole file: whoever uses it takes back what was done."""
    name = f"rowcall_test_{secrets.token_hex(6)}"
    yield admin.make(name, template_database)
    admin.drop(name)


@pytest.fixture
async def undone(module_dsn: str) -> AsyncIterator[Connection]:
    """A connection in a transaction that is rolled back."""
    connection = await asyncpg.connect(module_dsn)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.fixture
async def worker(a_worker: AWorker) -> int:
    return await a_worker()
