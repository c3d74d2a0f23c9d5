"""What the API is compared with: the least that Starlette and asyncpg can do with the same SQL, behind uvicorn.

Each handler sends the statements that Rowcall's own sends for the same request, in the same transactions, on
connections with the same settings; a test compares the two by the server's log. It checks nothing that came in, knows
neither clients nor keys, computes no occurrences (it writes a fixed one), and shows rows as they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rowcall.domain.definitions import Defaults, Definition
from rowcall.store.connecting import limits, server_settings
from rowcall.store.database import PROBES
from rowcall.store.keeping import ONE_PLAN
from rowcall.store.pools import Pool, leave_as_it_is
from rowcall.store.sessions import Connection, sql

TIMEOUT_SECONDS = 30.0
WHO = "the API"
BEGIN = (
    f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL rowcall.who = E'{WHO}'; SET LOCAL plan_cache_mode = {ONE_PLAN}"
)
USUAL = {name: getattr(Defaults(), name) for name in Defaults.__slots__ if name in Definition.__slots__}
IS_STATIC = False
EVERY_STATUS = ["ACTIVE", "PAUSED", "COMPLETED", "INVALID"]
TOMORROW = datetime.now(UTC) + timedelta(days=1)


@asynccontextmanager
async def _connected(app: Starlette) -> AsyncIterator[None]:
    settings = server_settings("bare", TIMEOUT_SECONDS) | limits(TIMEOUT_SECONDS) | PROBES
    options: dict[str, Any] = {"command_timeout": TIMEOUT_SECONDS, "reset": leave_as_it_is, "server_settings": settings}
    keeping = {**options, "server_settings": settings | {"plan_cache_mode": ONE_PLAN}}
    dsn = os.environ["DATABASE_URL"]
    async with (
        asyncpg.create_pool(dsn, min_size=1, max_size=10, **options) as pool,
        asyncpg.create_pool(dsn, min_size=1, max_size=10, **keeping) as keeping_plans,
    ):
        app.state.pool, app.state.keeping_plans = pool, keeping_plans
        yield


async def _alive(_request: Request) -> Response:
    return _json({})


async def _one(request: Request) -> Response:
    asked = None, "default", request.path_params["name"], None
    return _json(await _row(request.app.state.keeping_plans, "find_schedule", *asked))


async def _page(request: Request) -> Response:
    pool = request.app.state.pool
    limit = int(request.query_params["limit"]) + 1
    rows = await pool.fetch(sql("list_schedules"), 0, limit, EVERY_STATUS, *[None] * 7)
    page = await pool.fetch(sql("find_schedules"), [row["schedule_id"] for row in rows], None)
    return _json({"schedules": [dict(row) for row in page]})


async def _create(request: Request) -> Response:
    given = {"timezone": "UTC", "schedule_type": "cron", "labels": {}, "client_id": "default"} | await request.json()
    pool = request.app.state.keeping_plans
    now = (await _row(pool, "known_tasks"))["now"]
    planned = IS_STATIC, "api", now, TOMORROW, TOMORROW
    created = await _row(pool, "insert_schedule", json.dumps(USUAL | given), *planned, WHO)
    return _json(created, 201)


async def _pause(request: Request) -> Response:
    given = await request.json()
    pool = request.app.state.keeping_plans
    schedule = await _row(pool, "find_schedule", None, "default", request.path_params["name"], None)
    reason, guarded = f"{given['reason']} (by the API)", (schedule["written_by"], WHO, None)
    asked = schedule["schedule_id"], "PAUSED", reason, None, None, *guarded
    changed = await _row(pool, "set_schedule_status", *asked)
    return _json(dict(schedule) | dict(changed))


async def _execute(request: Request) -> Response:
    given = await request.json()
    pool = request.app.state.pool
    async with _begun(pool) as connection:
        schedule = await _locked(connection, request)
        schedule_id, override = schedule["schedule_id"], json.dumps(given["input_data"])
        asked = schedule_id, schedule["now"], override, True
        execution = await _row(connection, "request_execution", *asked)
    if execution["waits"]:
        await pool.fetch(sql("waiting_of"), [schedule_id])
    return _json(execution, 201)


@asynccontextmanager
async def _begun(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection:
        await connection.execute(BEGIN)
        yield connection
        await connection.execute("COMMIT")


async def _locked(connection: Connection, request: Request) -> asyncpg.Record:
    return await _row(connection, "lock_schedule", None, "default", request.path_params["name"], None)


async def _row(where: Connection | Pool, name: str, *arguments: Any) -> asyncpg.Record:
    row = await where.fetchrow(sql(name), *arguments)
    assert row is not None
    return row


def _json(content: Mapping[str, Any] | asyncpg.Record, status: int = 200) -> Response:
    return Response(json.dumps(dict(content), default=str), status, media_type="application/json")


app = Starlette(
    routes=[
        Route("/livez", _alive),
        Route("/v1/schedules", _page, methods=["GET"]),
        Route("/v1/schedules", _create, methods=["POST"]),
        Route("/v1/schedules/{name}", _one),
        Route("/v1/schedules/{name}/pause", _pause, methods=["POST"]),
        Route("/v1/schedules/{name}/execute", _execute, methods=["POST"]),
    ],
    lifespan=_connected,
)
