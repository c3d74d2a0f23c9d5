"""The built-in task type `http`, from a row of SQL to a request on the wire; nothing here leaves this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tests.listening import listening
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules


@dataclass
class Site:
    """A small HTTP server: the requests it got, and the statuses it answers with, the last one again and again."""

    statuses: list[int] = field(default_factory=lambda: [200])
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        self.requests.append((first, headers, await reader.readexactly(int(headers.get("content-length", "0")))))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        body = b'{"seen": true}'
        writer.write(b"HTTP/1.1 %d So\r\ncontent-type: application/json\r\n" % status)
        writer.write(b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with listening(site.serve) as port:
        site.url = f"http://127.0.0.1:{port}/hook"
        yield site


async def test_an_http_schedule_calls_its_url_with_what_makes_the_call_safe_to_repeat(
    serve: Serve, schedules: Schedules, site: Site
) -> None:
    site.statuses = [503, 200]
    request = {"url": site.url, "json": {"kind": "daily"}, "headers": {"X-Team": "billing"}}
    schedule_id = await schedules.insert("http", input_data=request, retry_backoff_seconds=0)
    await serve(http_allow=("127.0.0.1",))
    row = await schedules.reaches("SUCCEEDED", schedule_id)

    installation = await schedules.db.fetchval("SELECT installation_id FROM rowcall.installation")
    for attempt, (first, headers, body) in enumerate(site.requests, start=1):
        assert first == "POST /hook HTTP/1.1"
        assert json.loads(body) == {"kind": "daily"}
        assert headers["x-team"] == "billing"
        assert headers["idempotency-key"] == f"{installation}-{row['execution_id']}"
        assert headers["fencing-token"] == headers["rowcall-attempt"] == str(attempt)
        assert headers["rowcall-execution-id"] == str(row["execution_id"])
        assert headers["rowcall-schedule-id"] == str(schedule_id)
        assert headers["rowcall-scheduled-for"] == row["scheduled_for"].isoformat()
    assert (len(site.requests), row["attempt"]) == (2, 2)
    assert json.loads(row["result_data"])["status"] == 200
    [entry] = json.loads(row["errors"])
    assert "503" in entry["error"]


async def test_an_address_inside_our_walls_is_not_called_unless_it_is_allowed(
    serve: Serve, schedules: Schedules, site: Site
) -> None:
    schedule_id = await schedules.insert("http", input_data={"url": site.url}, max_retries=0)
    await serve()
    row = await schedules.reaches("FAILED", schedule_id)
    assert "ROWCALL_HTTP_ALLOW" in row["error_message"]
    assert site.requests == []


async def test_rowcalls_own_api_is_never_called_whatever_is_allowed(
    serve: Serve, schedules: Schedules, site: Site
) -> None:
    schedule_id = await schedules.insert("http", input_data={"url": site.url}, max_retries=0)
    port = int(site.url.rsplit(":", 1)[1].removesuffix("/hook"))
    await serve(http_allow=("127.0.0.1",), host="127.0.0.1", port=port)
    await schedules.reaches("FAILED", schedule_id)
    assert site.requests == []


async def test_an_http_schedule_that_makes_no_sense_fails_and_says_which_field_is_wrong(
    serve: Serve, schedules: Schedules
) -> None:
    schedule_id = await schedules.insert("http", input_data={"uri": "http://example.com/"}, max_retries=0)
    await serve()
    row = await schedules.reaches("FAILED", schedule_id)
    assert "input_data.url" in row["error_message"]
