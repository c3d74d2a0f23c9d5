"""Operations as data: one entry makes the route, validates what comes in, and is described by OpenAPI.

A handler gets a Call, with query and body already read into their models, and returns a response. It raises errors of
the domain; what they are in HTTP is decided in `problems`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.contextvars import bound_contextvars

from rowcall.domain.access import Access, Scope
from rowcall.domain.definitions import Defaults
from rowcall.domain.documents import read_document, text_fault
from rowcall.domain.errors import Forbidden, InvalidInput, NotFound, RowcallError
from rowcall.settings import Settings
from rowcall.store.database import Database

from .bodies import read_object
from .gate import Entry, Gate, OpenGate, challenge
from .once import done_once, key_of
from .problems import Problem, respond, respond_to
from .queries import Query, read_query
from .scraping import Scraping

NOT_KEPT = (b"cache-control", b"no-store")
"""No answer is for the next to ask: it is for who asked, with their key, and for now."""

Q = TypeVar("Q", bound=Query)
B = TypeVar("B")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Services:
    """What handlers work with; the database they get from their Call, as far as the caller may see it."""

    whole_database: Database
    gate: Gate | OpenGate
    settings: Settings
    defaults: Defaults
    scraping: Scraping
    objection: Callable[[], str | None] | None = None
    source: str = "api"


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """One request, read, and on whose behalf. `database` shows and changes what the caller may see and change.

    `afterwards` is what the handler leaves to be done when all that it did is committed.
    """

    request: Request
    services: Services
    access: Access
    database: Database
    query: Q
    body: B
    afterwards: list[Callable[[Database], Awaitable[object]]] = field(default_factory=list)

    @property
    def who(self) -> str:
        """The caller, as reasons name them."""
        return self.access.who or "the API"

    def named(self, parameter: str) -> str:
        """A part of the path. Raises NotFound for text that no name here can be."""
        text: str = self.request.path_params[parameter]
        if text_fault(text) is not None:
            raise NotFound("no name here contains such characters")
        return text


Handler = Callable[[Call[Any, Any]], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An entry of the registry.

    `answers` maps statuses to what they carry (str is plain text), `problems` are the errors to expect.

    `scope` is what a key must have for it; None: no key is asked for.
    """

    method: str
    path: str
    handler: Handler
    scope: Scope | None
    summary: str
    description: str
    tag: str
    query: type[Query]
    body: type[BaseModel] | None
    body_required: bool
    body_unread: bool
    answers: Mapping[int, type[BaseModel | str] | None]
    problems: Sequence[int]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_key(self) -> bool:
        """Whether it heeds an Idempotency-Key: what changes something, and is no change to a state that is named."""
        return self.method == "POST" and self.scope not in {None, Scope.READ}

    @property
    def name(self) -> str:
        """The operation's id in OpenAPI: `schedules_create`, the handler's module and name."""
        return f"{self.handler.__module__.rpartition('.')[2]}_{self.handler.__name__}"


def route(
    method: str,
    path: str,
    handler: Handler,
    *,
    scope: Scope | None,
    summary: str,
    description: str,
    tag: str,
    query: type[Query] = Query,
    body: type[BaseModel] | None = None,
    body_required: bool = True,
    body_unread: bool = False,
    answers: Mapping[int, type[BaseModel | str] | None],
    problems: Sequence[int] = (),
    headers: Mapping[str, str] | None = None,
) -> Operation:
    """Declare an operation, and the scope that a key must have for it: None where none is asked for.

    With `body_unread` the handler gets the JSON object as it came, and judges it together with what only it knows;
    `body` then only describes it. `headers` are those that the operation reads, with what they mean.
    """
    return Operation(
        method=method,
        path=path,
        handler=handler,
        scope=scope,
        summary=summary,
        description=description,
        tag=tag,
        query=query,
        body=body,
        body_required=body_required,
        body_unread=body_unread,
        answers=answers,
        problems=problems,
        headers=headers or {},
    )


def routes_of(operations: Sequence[Operation], services: Services) -> list[Route]:
    """One Starlette route for each path, so that a 405 can name all methods of it."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [a_route(path, methods, _endpoint(methods, services)) for path, methods in by_path.items()]


def a_route(path: str, methods: Iterable[str], answer: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route that also says which methods it has, to OPTIONS; to whom it says that does not matter."""
    allowed = allow({*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allowed})
        return await answer(request)

    return Route(path, endpoint, methods=[*methods, "OPTIONS"])


def allow(methods: Iterable[str]) -> str:
    """The header `Allow`, always in the same order."""
    return ", ".join(sorted(methods))


def _endpoint(methods: Mapping[str, Operation], services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        operation = methods["GET" if request.method == "HEAD" else request.method]
        entry = await services.gate.enter(request, operation.scope)
        try:
            _check_scope(operation, entry)
            with bound_contextvars(**_signature(entry)):
                response = await _handled(request, operation, services, entry.access)
        except Problem as problem:
            response = respond(problem)
        except RowcallError as error:
            response = respond_to(error)
        if entry.headers:
            response.headers.update(entry.headers)
        response.raw_headers.append(NOT_KEPT)
        return response

    return answer


def _signature(entry: Entry) -> dict[str, str]:
    """What stands in every line that a request has logged: who sent it."""
    return {"by": entry.access.who or "the API"}


def _check_scope(operation: Operation, entry: Entry) -> None:
    if operation.scope is None:
        return
    try:
        entry.access.check_may(operation.scope, f"{operation.method} {operation.path}")
    except Forbidden as refused:
        raise Problem(403, str(refused), "insufficient-scope", challenge(operation.scope)) from None


async def _handled(request: Request, operation: Operation, services: Services, access: Access) -> Response:
    """What the handler answers; once, where the request carries a key for that."""
    query, given = read_query(request, operation.query), await _given(request, operation, services)
    body = given if operation.body is None or operation.body_unread else read_body(operation.body, given or {})
    database = services.whole_database.acting(access)
    call = Call(request, services, access, database, query, body)
    key = key_of(request) if operation.takes_key else None
    if key is None:
        response = await operation.handler(call)
    else:
        response = await done_once(
            database, request, given, call.who, key, lambda joined: operation.handler(replace(call, database=joined))
        )
    for step in call.afterwards:
        await step(database)
    return response


async def _given(request: Request, operation: Operation, services: Services) -> dict[str, Any] | None:
    if operation.body is None:
        return None
    return await read_object(request, services.settings.max_body_bytes, required=operation.body_required)


def read_body(model: type[M], given: Mapping[str, Any]) -> M:
    """The body as the model. Raises InvalidInput with every fault."""
    read, faults = read_document(model, given)
    if faults or read is None:
        raise InvalidInput(faults)
    return read


def reply(content: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(content.model_dump_json(), status, headers, "application/json")


def check_scheduler(services: Services) -> None:
    """Raise a 503 where schedules are switched off: nothing that was asked for would run."""
    if not services.settings.scheduler_enabled:
        raise Problem(503, "schedules are switched off here: ROWCALL_SCHEDULER_ENABLED is off", "scheduler-disabled")
