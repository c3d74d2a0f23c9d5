"""The API in the test's own loop, over a fresh database."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

import asyncpg
import httpx2
import pytest

from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.webapi import create_app

BASE = "http://127.0.0.1:8000"


class CreateSchedule(Protocol):
    """Creates a schedule, and returns it as the API shows it."""

    async def __call__(self, **fields: Any) -> dict[str, Any]: ...


@pytest.fixture(scope="session")
def unchanged_dsn(admin: Any, template_database: str) -> Iterator[str]:
    """A database for requests that change nothing; they share it, since a copy costs more than they do."""
    name = f"rowcall_test_unchanged_{secrets.token_hex(4)}"
    yield admin.make(name, template_database)
    admin.drop(name)


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with Database.open(dsn, size=4) as opened:
        yield opened


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
async def client(database: Database, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """Talks to the API; a fault of the API is an answer with status 500, as over a network."""
    transport = httpx2.ASGITransport(app=create_app(database, settings), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as opened:
        yield opened


@pytest.fixture
async def tasks(db: asyncpg.Connection[Any]) -> list[str]:
    """Task types that a worker has offered once."""
    names = ["report", "email", "http"]
    await db.executemany("INSERT INTO rowcall.tasks (task_type) VALUES ($1)", [(name,) for name in names])
    return names


@pytest.fixture
async def a_schedule(client: httpx2.AsyncClient, tasks: list[str]) -> CreateSchedule:
    """Creates a schedule through the API; every minute, unless told otherwise."""

    async def create(**fields: Any) -> dict[str, Any]:
        rules = ("cron_expression", "cron_fields", "interval_seconds", "scheduled_time")
        rule = {} if any(name in fields for name in rules) else {"cron_expression": "* * * * *"}
        answer = await client.post("/v1/schedules", json={"task_type": "report", **rule, **fields})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    return create
