"""/livez and /readyz."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2

from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.webapi import create_app
from rowcall.webapi.resources.health import PATIENCE_SECONDS
from tests.webapi.answers import assert_problem
from tests.webapi.conftest import BASE
from tests.worker.line import line_to
from tests.worker.waiting import until


@asynccontextmanager
async def served(database: Database, **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app(database, Settings(), **options), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


async def test_a_healthy_process_is_alive_and_ready(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/livez")).json() == {"status": "alive"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_without_its_database_it_is_alive_and_not_ready(
    client: httpx2.AsyncClient, server_dsn: str, dsn: str
) -> None:
    assert (await client.get("/readyz")).status_code == 200
    server = await asyncpg.connect(server_dsn)
    await server.execute(f"DROP DATABASE {urlsplit(dsn).path.strip('/')} WITH (FORCE)")
    await server.close()

    assert (await client.get("/livez")).status_code == 200
    for path in ("/readyz", "/v1/schedules", "/v1/executions/1"):
        answer = await client.get(path)
        assert_problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0


async def test_a_database_that_hangs_is_not_waited_for(client: httpx2.AsyncClient, db: asyncpg.Connection[Any]) -> None:
    async with db.transaction():
        await db.execute("LOCK TABLE rowcall.schema_migrations")
        answer, late = await beside_a_pause(client.get("/readyz"), PATIENCE_SECONDS)
    assert "within 1 s" in assert_problem(answer, 503)["detail"]
    assert -0.1 < late < 1


async def test_a_schema_that_is_not_there_is_not_ready(client: httpx2.AsyncClient, db: asyncpg.Connection[Any]) -> None:
    await db.execute("DROP SCHEMA rowcall CASCADE")
    assert "rowcall migrate" in assert_problem(await client.get("/readyz"), 503)["detail"]


async def test_a_process_that_stops_is_not_ready(database: Database) -> None:
    objections: list[str] = []
    async with served(database, objection=lambda: next(iter(objections), None)) as client:
        assert (await client.get("/readyz")).status_code == 200
        objections.append("it stops")
        problem = assert_problem(await client.get("/readyz"), 503)
        assert (problem["type"], problem["detail"]) == ("urn:rowcall:problem:not-ready", "it stops")
        assert (await client.get("/livez")).status_code == 200


async def test_a_database_that_takes_no_changes_is_not_ready(
    database: Database, dsn: str, db: asyncpg.Connection[Any]
) -> None:
    await db.execute(f"ALTER DATABASE {urlsplit(dsn).path.strip('/')} SET default_transaction_read_only = on")
    async with Database.open(dsn) as read_only, served(read_only) as client:
        assert "takes no changes" in assert_problem(await client.get("/readyz"), 503)["detail"]


async def test_probes_of_a_silent_database_are_answered_in_time_and_use_one_connection(
    dsn: str, db: asyncpg.Connection[Any]
) -> None:
    async with (
        line_to(dsn, db) as line,
        Database.open(line.dsn, size=2, timeout_seconds=5) as database,
        served(database) as client,
    ):
        assert (await client.get("/readyz")).status_code == 200
        line.fall_silent()
        for _ in range(4):  # more than there are connections
            answer, late = await beside_a_pause(client.get("/readyz"), PATIENCE_SECONDS)
            assert "within 1 s" in assert_problem(answer, 503)["detail"]
            assert late < 1
            assert (await client.get("/livez")).status_code == 200
        line.restore()
        await until(lambda: is_ready(client))


async def test_a_request_for_a_silent_database_is_answered_in_time(dsn: str, db: asyncpg.Connection[Any]) -> None:
    async with (
        line_to(dsn, db) as line,
        Database.open(line.dsn, size=2, timeout_seconds=1) as database,
        served(database) as client,
    ):
        line.fall_silent()
        answer, late = await beside_a_pause(client.get("/v1/schedules"), 5)
        assert_problem(answer, 503)
        assert late < 1
        line.restore()


async def beside_a_pause(asked: Awaitable[httpx2.Response], seconds: float) -> tuple[httpx2.Response, float]:
    """The answer, and how much later it came than the end of a pause that began with it.

    A machine with much else to do delays both alike.
    """

    async def ended(what: Awaitable[Any]) -> tuple[Any, float]:
        return await what, time.monotonic()

    async with asyncio.timeout(30):
        (answer, answered_at), (_, over_at) = await asyncio.gather(ended(asked), ended(asyncio.sleep(seconds)))
    return answer, answered_at - over_at


async def is_ready(client: httpx2.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200
