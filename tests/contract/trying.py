"""A real server, with something in it, and schemathesis run against it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.programs import ROWCALL, Program, running, url_of

SETTINGS = Path(__file__).with_name("schemathesis.toml")
AUTHENTICATED = """
[auth.openapi.apiKey]
api_key = "{key}"

[auth.openapi.bearer]
bearer = "{key}"
"""
NOWHERE = "https://receiver.invalid/events"
SCHEDULES: Mapping[str, Mapping[str, Any]] = {
    "nightly-report": {"cron_expression": "0 9 * * *", "labels": {"team": "reports"}},
    "b": {"cron_fields": {"second": "*/30"}, "callback_url": NOWHERE},
    "c": {"hours": 1},
}
SECONDS_EACH = 3600


@contextmanager
def a_server(folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, Program]]:
    """`rowcall serve` with the tasks of the demonstration: its address, and the program."""
    settings = {"ROWCALL_PORT": "0", "ROWCALL_REQUESTS_PER_MINUTE": "0", "ROWCALL_DATA_DIR": str(folder / "data")}
    command = [*ROWCALL, "serve", "--app", "rowcall.demo:app"]
    with running(command, folder / "serve.log", cwd=folder, environment={**settings, **environment}) as program:
        yield url_of(program), program
        program.stop()


def a_key(folder: Path, environment: Mapping[str, str]) -> str:
    """A key that may do everything."""
    settings = {"ROWCALL_DATA_DIR": str(folder / "data"), **environment}
    with running(
        [*ROWCALL, "keys", "create", "--scope", "admin"], folder / "key.log", cwd=folder, environment=settings
    ) as made:
        return made.says(r"rowcall_\w{8}_[\w-]{43}")[0]


def put_something_in(url: str, headers: Mapping[str, str]) -> None:
    """A few of each kind of thing, so that what is asked of them by small ids and short names is not all in vain."""
    for name, fields in SCHEDULES.items():
        _post(f"{url}/v1/schedules", {"name": name, "task_type": "demo-hello", **fields}, headers, 201)
    for name in SCHEDULES:
        _post(f"{url}/v1/schedules/{name}/execute", {}, headers, 201)
    _post(f"{url}/v1/schedules/c/pause", {}, headers, 200)
    _post(f"{url}/v1/schedules/b/backfill", _an_hour_ago(), headers, 201)


def _an_hour_ago() -> dict[str, Any]:
    """A backfill of an hour, slow enough to be there when somebody asks for it."""
    until = datetime.now(UTC) - timedelta(hours=1)
    return {"since": (until - timedelta(hours=1)).isoformat(), "until": until.isoformat(), "rate_per_minute": 1}


def schemathesis(url: str, folder: Path, examples: int, headers: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """All checks on all operations with so many examples each: what it said, and 0 if nothing was found.

    Of `headers`, an X-API-Key is sent wherever the document asks for a key, and in either of the ways it names.
    """
    key = headers.get("X-API-Key")
    settings = folder / "schemathesis.toml"
    settings.write_text(SETTINGS.read_text() + ("" if key is None else AUTHENTICATED.format(key=key)))
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings)),
            *("run", f"{url}/openapi.json", "--max-examples", str(examples), "--continue-on-failure", "--no-color"),
            *("--generation-database", "none", "--checks", "all", "--workers", "1"),
        ],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS_EACH,
        check=False,
    )


def _post(url: str, body: Mapping[str, Any], headers: Mapping[str, str], status: int) -> None:
    told = {"Content-Type": "application/json", **headers}
    with urlopen(Request(url, json.dumps(body).encode(), told), timeout=30) as answer:
        assert answer.status == status
