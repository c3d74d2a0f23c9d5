"""Secrets in http tasks: named in the definition, put in at the moment of the call, and written down nowhere."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.listening import listening
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules

VALUE = 'a "quoted"/token+1=é'.encode().hex() + "/+="
ODD = 'with "quotes" and \\slashes\\'


class Echo:
    """A server that sends back what it was sent, in the worst of ways."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.status = 200
        self.port = 0
        self.told: Callable[[str], str] = lambda request: request

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next((line[16:] for line in head.lower().split("\r\n") if line.startswith("content-length: ")), "0")
        request = head + (await reader.readexactly(int(length))).decode()
        self.requests.append(request)
        body = self.told(request).encode()
        writer.write(b"HTTP/1.1 %d So\r\nx-request-id: %b\r\n" % (self.status, VALUE.encode()))
        writer.write(b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    site = Echo()
    async with listening(site.serve) as site.port:
        yield site


@pytest.fixture
def secrets_file(tmp_path: Path) -> Path:
    path = tmp_path / "secrets.json"
    path.touch(mode=0o600)
    path.write_text(
        json.dumps(
            {
                "secrets": {
                    "partner": {"values": [VALUE], "clients": ["default"]},
                    "odd": {"values": [ODD], "clients": ["*"]},
                    "elsewhere": {"values": [VALUE], "clients": ["*"], "hosts": ["api.example.com"]},
                    "of-acme": {"values": [VALUE], "clients": ["acme"]},
                    "webhooks": {"values": ["whsec_" + base64.b64encode(b"x" * 32).decode()]},
                }
            }
        )
    )
    return path


async def run(serve: Serve, schedules: Schedules, secrets_file: Path, echo: Echo, **input_data: Any) -> asyncpg.Record:
    given = {"url": f"http://127.0.0.1:{echo.port}/", **input_data}
    schedule_id = await schedules.insert("http", input_data=given, max_retries=0, labels={})
    await serve(http_allow=("127.0.0.1",), secrets_file=secrets_file)
    [row] = await schedules.ended(schedule_id)
    return row


async def everything(db: asyncpg.Connection[Any]) -> str:
    """All rows of all tables, as text."""
    tables = await db.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_class AS c"
        " WHERE c.relnamespace = 'rowcall'::regnamespace AND c.relkind = 'r'"
    )
    found = [await db.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table['name']} AS t") for table in tables]
    return "\n".join(row["row"] for rows in found for row in rows)


BY_NAME = {"headers": {"Authorization": {"$secret": "partner", "prefix": "Bearer "}}}


async def test_a_secret_is_sent_and_written_down_nowhere(
    serve: Serve, schedules: Schedules, secrets_file: Path, echo: Echo, capsys: pytest.CaptureFixture[str]
) -> None:
    row = await run(serve, schedules, secrets_file, echo, **BY_NAME, json={"deep": [{"$secret": "odd"}]})
    assert row["status"] == "SUCCEEDED"
    assert f"authorization: Bearer {VALUE}\r\n" in echo.requests[0]
    assert json.loads(echo.requests[0].partition("\r\n\r\n")[2]) == {"deep": [ODD]}
    result = json.loads(row["result_data"])
    assert "authorization: Bearer [secret]" in result["body"]
    assert result["headers"]["x-request-id"] == "[secret]"
    assert json.loads(row["input_data"])["headers"] == BY_NAME["headers"]
    for text in (await everything(schedules.db), capsys.readouterr().out):
        assert VALUE not in text
        assert "quotes" not in text


@pytest.mark.parametrize(
    "told",
    [
        lambda request: VALUE,
        lambda request: json.dumps({"you sent": VALUE}),
        lambda request: base64.b64encode(VALUE.encode()).decode(),
        lambda request: VALUE.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D"),
        lambda request: VALUE.replace("/", "\\/").replace("+", "\\u002B"),
        lambda request: "x" * 490 + VALUE,
    ],
    ids=["plain", "json", "base64", "url", "escaped json", "at the cut"],
)
async def test_an_error_that_quotes_it_is_redacted(
    serve: Serve, schedules: Schedules, secrets_file: Path, echo: Echo, told: Callable[[str], str]
) -> None:
    echo.status, echo.told = 401, told
    row = await run(serve, schedules, secrets_file, echo, **BY_NAME)
    assert row["status"] == "FAILED"
    assert "answered 401" in row["error_message"]
    found = await everything(schedules.db)
    assert VALUE not in found
    assert VALUE[:12] not in found
    assert told("").strip('x{"')[:20] not in found


@pytest.mark.parametrize("name", ["absent", "of-acme", "elsewhere", "webhooks"])
async def test_what_may_not_be_used_is_refused_in_the_same_words(
    serve: Serve, schedules: Schedules, secrets_file: Path, echo: Echo, name: str
) -> None:
    row = await run(serve, schedules, secrets_file, echo, headers={"X-Token": {"$secret": name}})
    assert row["status"] == "FAILED"
    assert (
        f"input_data.headers.X-Token: the client 'default' has no secret '{name}' for 127.0.0.1;"
        in row["error_message"]
    )
    assert echo.requests == []


@pytest.mark.parametrize(
    ("input_data", "told"),
    [
        ({"url": {"$secret": "partner"}}, "input_data.url"),
        ({"method": {"$secret": "partner"}}, "input_data.method: holds no secrets; headers, json, body may"),
        ({"headers": {"X": {"$secret": "partner", "suffix": "!"}}}, 'must be {"$secret": "name"}'),
        ({"body": {"$secret": 7}}, "input_data.body"),
    ],
)
async def test_a_secret_in_the_wrong_place_is_refused(
    serve: Serve, schedules: Schedules, secrets_file: Path, echo: Echo, input_data: dict[str, Any], told: str
) -> None:
    row = await run(serve, schedules, secrets_file, echo, **input_data)
    assert row["status"] == "FAILED"
    assert told in row["error_message"]
    assert echo.requests == []


async def test_a_file_that_can_not_be_read_is_told_to_the_operator_and_not_to_the_client(
    serve: Serve, schedules: Schedules, secrets_file: Path, echo: Echo, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets_file.chmod(0o604)  # noqa: ASYNC240 - at once
    row = await run(serve, schedules, secrets_file, echo, **BY_NAME)
    assert row["status"] == "FAILED"
    assert "the worker's log says why" in row["error_message"]
    assert str(secrets_file) not in row["error_message"]
    assert f"{secrets_file} is open to others" in capsys.readouterr().out
