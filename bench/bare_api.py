"""What the API is compared with: the least that Starlette and asyncpg can do for the same answers, behind uvicorn."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ONE = "SELECT to_jsonb(s)::text FROM rowcall.schedules AS s WHERE s.client_id = 'default' AND s.name = $1"
PAGE = """
    SELECT coalesce(jsonb_agg(to_jsonb(page)), '[]')::text
      FROM (SELECT * FROM rowcall.schedules ORDER BY schedule_id LIMIT $1) AS page
"""


@asynccontextmanager
async def _connected(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=10) as pool:
        app.state.pool = pool
        yield


async def _one(request: Request) -> Response:
    return _json(await request.app.state.pool.fetchval(ONE, request.path_params["name"]))


async def _page(request: Request) -> Response:
    return _json(await request.app.state.pool.fetchval(PAGE, int(request.query_params["limit"])))


async def _alive(_request: Request) -> Response:
    return _json("{}")


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")


app = Starlette(
    routes=[
        Route("/livez", _alive),
        Route("/v1/schedules", _page),
        Route("/v1/schedules/{name}", _one),
    ],
    lifespan=_connected,
)
