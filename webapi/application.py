"""The application: routes from the registry, and every error as problem details."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from rowcall.domain.access import Access
from rowcall.domain.errors import RowcallError
from rowcall.metrics.tallies import Tallies
from rowcall.settings import Settings
from rowcall.store.database import Database

from .gate import Gate, OpenGate
from .hosts import KnownHosts, is_loopback, known_hosts
from .openapi import describe
from .problems import Problem, respond, respond_to
from .reference import headers, page
from .registry import Services, a_route, allow, routes_of
from .resources import OPERATIONS
from .scraping import Scraping

log = structlog.get_logger("rowcall.webapi")


def create_app(
    database: Database,
    settings: Settings,
    *,
    objection: Callable[[], str | None] | None = None,
    tallies: Tallies | None = None,
    caller: Access | None = None,
    source: str = "api",
    paths: Collection[str] | None = None,
) -> Starlette:
    """The API over an open database, which the caller closes.

    `objection` says why the process should get no requests, None if it should: `/readyz` answers 503 with it. `tallies`
    are what the worker of this process counts, where it has one, for `/metrics`. With a `caller`, every request is
    theirs, and needs no key. `source` is kept with the schedules that are created. With `paths` it
    answers at these alone.
    """
    is_open = settings.auth == "auto" and is_loopback(settings.host)
    gate = (
        Gate(database, is_open=is_open, requests_per_minute=settings.requests_per_minute)
        if caller is None
        else OpenGate(caller)
    )
    scraping = Scraping(database, tallies or Tallies())
    services = Services(database, gate, settings, settings.schedule_defaults, scraping, objection, source)
    operations = [operation for operation in OPERATIONS if paths is None or operation.path in paths]
    # Each route is tried in turn. Probes have the least to do and are sent the most: they need not wait for the rest.
    routes = sorted(routes_of(operations, services), key=lambda route: route.path.startswith("/v1/"))
    app = Starlette(
        routes=[*routes, *(_described(is_open=is_open) if paths is None else ())],
        middleware=[Middleware(KnownHosts, hosts=known_hosts(settings.allowed_hosts, settings.host))],
        exception_handlers={
            Problem: _on_problem,
            RowcallError: _on_error,
            HTTPException: _on_http_exception,
            ClientDisconnect: _on_hang_up,
            Exception: _on_crash,
        },
    )
    app.router.redirect_slashes = False  # a path that is nearly right is not found, like any other
    return app


def _described(*, is_open: bool) -> list[Route]:
    """The document, and the page made of it: made when they are first asked for, which takes longer than a start."""

    @cache
    def document() -> dict[str, Any]:
        return describe(OPERATIONS, is_open=is_open)

    @cache
    def as_json() -> bytes:
        return json.dumps(document()).encode("ascii")

    @cache
    def as_page() -> bytes:
        return page(document()).encode()

    async def openapi(_request: Request) -> Response:
        return Response(as_json(), media_type="application/json")

    async def reference(_request: Request) -> Response:
        return Response(as_page(), headers=headers(), media_type="text/html")

    return [a_route("/openapi.json", ["GET"], openapi), a_route("/docs", ["GET"], reference)]


async def _on_problem(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return respond(problem)


async def _on_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RowcallError)
    return respond_to(error)


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    """What Starlette itself finds: no such path, or no such method on it."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    allowed = allow(headers["Allow"].split(", ")) if "Allow" in headers else None
    detail = (
        f"only {allowed} {'is' if allowed and ',' not in allowed else 'are'} possible here"
        if allowed
        else "there is nothing at this path; /openapi.json lists what there is"
    )
    return respond(Problem(error.status_code, detail, headers={"Allow": allowed} if allowed else headers))


async def _on_hang_up(_request: Request, _error: Exception) -> Response:
    """The client left in the middle of its body: no fault of ours, and nobody is there to be answered."""
    return respond(Problem(400, "the body ended before its end"))


async def _on_crash(request: Request, error: Exception) -> Response:
    """A fault of ours. What it was stands in the log, and nothing of it in the answer."""
    log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    return respond(Problem(500, "something went wrong here that is no fault of the request; the log says what"))
