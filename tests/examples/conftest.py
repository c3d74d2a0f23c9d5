"""What the examples are run with: `rowcall serve` and `rowcall worker` as processes of their own, and their API."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rowcall.domain.access import Scope
from rowcall.store.database import Database
from rowcall.store.keys import create_key
from tests.programs import ROWCALL, Program, running, url_of
from tests.worker.waiting import until

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Service:
    """A `rowcall serve` or `rowcall api` that answers; `headers` go with every request."""

    process: Program
    api: httpx2.Client
    headers: Mapping[str, str] = field(default_factory=dict)

    def bearing(self, key: str) -> Service:
        """The same, for the bearer of a key."""
        return replace(self, headers={"Authorization": f"Bearer {key}"})

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, *, status: int = 200) -> Any:
        """What the API answers; the test fails if it is another status."""
        answer = self.api.request(method, path, json=body, headers=dict(self.headers))
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def post(self, path: str, body: dict[str, Any] | None = None, *, status: int = 200) -> Any:
        """What the API answers to a POST."""
        return self.ask("POST", path, body or {}, status=status)

    def get(self, path: str, **query: Any) -> Any:
        """What the API answers to a GET."""
        return self.ask("GET", str(httpx2.URL(path, params=query)))

    def create(self, name: str, **fields: Any) -> Any:
        """A new schedule."""
        return self.post("/v1/schedules", {"name": name, **fields}, status=201)

    def names(self, **query: Any) -> list[str]:
        """The names of the schedules that are listed."""
        return [schedule["name"] for schedule in self.get("/v1/schedules", **query)["schedules"]]

    def executions(self, schedule: str | int, **query: Any) -> list[dict[str, Any]]:
        """The executions of a schedule, the latest first."""
        found: list[dict[str, Any]] = self.get(f"/v1/schedules/{schedule}/executions", **query)["executions"]
        return found

    async def first(self, schedule: str, **query: Any) -> dict[str, Any]:
        """The latest execution of this kind, once there is one."""
        query = {"status": "SUCCEEDED", **query}
        found = await until(lambda: self.executions(schedule, **query), what=f"an execution of {schedule}: {query}")
        latest: dict[str, Any] = found[0]
        return latest

    async def run(self, schedule: str, status: str = "SUCCEEDED") -> dict[str, Any]:
        """What becomes of a run that is asked for now; the test fails unless it ends so."""
        execution_id = self.post(f"/v1/schedules/{schedule}/execute", status=201)["execution_id"]
        return await self.ended(execution_id, status)

    async def ended(self, execution_id: int, status: str = "SUCCEEDED") -> dict[str, Any]:
        """An execution, once it is over; the test fails unless it ended so."""

        def ended() -> Any:
            execution = self.get(f"/v1/executions/{execution_id}")
            return execution if execution["finished_at"] else None

        execution: dict[str, Any] = await until(ended, what=f"the end of execution {execution_id}")
        assert execution["status"] == status, execution
        return execution


Start = Callable[..., Program]
Serve = Callable[..., Service]
Work = Callable[..., Program]
MakeKey = Callable[..., Awaitable[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a Python program of an example, with settings as keywords; it is gone after the test."""
    with ExitStack() as stack:

        def start_program(example: str, *arguments: str, **environment: str) -> Program:
            output = tmp_path / f"output-{len(list(tmp_path.iterdir()))}"
            command = (sys.executable, *arguments)
            return stack.enter_context(running(command, output, cwd=EXAMPLES / example, environment=environment))

        yield start_program


@pytest.fixture
def answering() -> Iterator[Callable[[Program], Service]]:
    """Waits until a `rowcall serve` or `rowcall api` answers."""
    with ExitStack() as stack:

        def with_client(process: Program) -> Service:
            return Service(process, stack.enter_context(httpx2.Client(base_url=url_of(process), timeout=30)))

        yield with_client


@pytest.fixture
def serve(start: Start, answering: Callable[[Program], Service], dsn: str) -> Serve:
    """Starts `rowcall serve`, or another command with an API, in the folder of an example; waits until it answers."""

    def start_service(example: str, *arguments: str, command: str = "serve", **environment: str) -> Service:
        return answering(start(example, *ROWCALL[1:], command, *arguments, **settings(dsn), **environment))

    return start_service


@pytest.fixture
def work(start: Start, dsn: str) -> Work:
    """Starts `rowcall worker` in the folder of an example, and waits until it is at work."""

    def start_worker(example: str, *arguments: str, **environment: str) -> Program:
        process = start(example, *ROWCALL[1:], "worker", *arguments, **settings(dsn), **environment)
        process.says(r": a worker for ")
        return process

    return start_worker


@pytest.fixture
async def make_key(dsn: str) -> AsyncIterator[MakeKey]:
    """Makes keys: `await make_key("ada")` is the text of one that may write."""
    async with Database.open(dsn, size=1) as database:

        async def make(client_id: str, scope: Scope = Scope.WRITE) -> str:
            return (await create_key(database, client_id=client_id, scopes=[scope])).text

        yield make


def settings(dsn: str) -> dict[str, str]:
    """What all programs of an example are told."""
    return {"DATABASE_URL": dsn, "ROWCALL_PORT": "0", "ROWCALL_DATABASE_POOL_SIZE": "4"}
