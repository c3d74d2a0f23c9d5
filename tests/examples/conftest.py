"""What the examples are run with: `rowcall serve` as a process of its own on a fresh database, and its API."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.programs import ROWCALL, Program, running, url_of

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Service:
    """A `rowcall serve` that answers."""

    process: Program
    api: httpx2.Client

    def post(self, path: str, body: dict[str, Any] | None = None, *, status: int = 200) -> Any:
        """What the API answers to a POST; the test fails if it is another status."""
        answer = self.api.post(path, json=body or {})
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        """What the API answers to a GET."""
        answer = self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


Start = Callable[..., Program]
Serve = Callable[..., Service]


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
def serve(start: Start, dsn: str) -> Iterator[Serve]:
    """Starts `rowcall serve` in the folder of an example, and waits until it answers."""
    with ExitStack() as stack:

        def start_service(example: str, *arguments: str, **environment: str) -> Service:
            settings = {"DATABASE_URL": dsn, "ROWCALL_PORT": "0", "ROWCALL_DATABASE_POOL_SIZE": "4"}
            process = start(example, *ROWCALL[1:], "serve", *arguments, **settings, **environment)
            api = stack.enter_context(httpx2.Client(base_url=url_of(process), timeout=30))
            return Service(process, api)

        yield start_service
