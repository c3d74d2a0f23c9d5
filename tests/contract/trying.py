"""A real server, with something in it, and schemathesis run against it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.programs import ROWCALL, Program, running, url_of

SETTINGS = Path(__file__).with_name("schemathesis.toml")
SCHEDULE = {"name": "a", "task_type": "demo-hello", "cron_expression": "0 9 * * *"}
SECONDS_EACH = 900


@contextmanager
def a_server(folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, Program]]:
    """`rowcall serve` with the tasks of the demonstration: its address, and the program."""
    settings = {"ROWCALL_PORT": "0", "ROWCALL_REQUESTS_PER_MINUTE": "0", "ROWCALL_DATA_DIR": str(folder / "data")}
    command = [*ROWCALL, "serve", "--app", "rowcall.demo:app"]
    with running(command, folder / "serve.log", cwd=folder, environment=settings | environment) as program:
        yield url_of(program), program
        program.stop()


def a_key(folder: Path, environment: Mapping[str, str]) -> str:
    """A key that may do everything."""
    settings = {"ROWCALL_DATA_DIR": str(folder / "data")} | environment
    with running(
        [*ROWCALL, "keys", "create", "--scope", "admin"], folder / "key.log", cwd=folder, environment=settings
    ) as made:
        return made.says(r"rowcall_\w{8}_[\w-]{43}")[0]


def put_something_in(url: str, headers: Mapping[str, str]) -> None:
    """A schedule and an execution, so that what is asked of them by small ids is not all in vain."""
    _post(f"{url}/v1/schedules", SCHEDULE, headers)
    _post(f"{url}/v1/schedules/a/execute", {}, headers)


def schemathesis(url: str, folder: Path, examples: int, headers: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """All checks on all operations with so many examples each: what it said, and 0 if nothing was found."""
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS)),
            *("run", f"{url}/openapi.json", "--max-examples", str(examples), "--continue-on-failure", "--no-color"),
            *("--generation-database", "none", "--checks", "all", "--workers", "1", *given),
        ],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS_EACH,
        check=False,
    )


def _post(url: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    told = {"Content-Type": "application/json", **headers}
    with urlopen(Request(url, json.dumps(body).encode(), told), timeout=30) as answer:
        assert answer.status == 201
