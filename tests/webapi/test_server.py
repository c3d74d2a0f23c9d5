"""The API behind uvicorn, over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from rowcall.cli.http_protocol import LARGEST_HEAD, BoundedProtocol
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.webapi import create_app
from tests.webapi.answers import assert_problem


@pytest.fixture
def app(database: Database) -> Starlette:
    return create_app(database, Settings(max_body_bytes=4096))


@pytest.fixture
async def port(app: Starlette) -> AsyncIterator[int]:
    async with served(app) as port:
        yield port


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """The port of a server of this app."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # who connects before uvicorn is up waits here
        config = uvicorn.Config(app, http=BoundedProtocol, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving


async def test_requests_over_a_socket_are_answered(port: int, tasks: list[str]) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        created = await client.post(
            "/v1/schedules", json={"task_type": "report", "cron_expression": "@daily", "name": "ü"}
        )
        assert created.status_code == 201
        assert (await client.get("/v1/schedules/%C3%BC")).json() == created.json()
        assert_problem(await client.get("/v1/schedules/a%2Fb"), 404)
        assert_problem(await client.get("/v1/nothing"), 404)
        assert (await client.delete(created.headers["location"])).status_code == 204


async def test_a_body_that_is_too_large_does_not_poison_the_connection(port: int) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(3):
            answer = await client.post(
                "/v1/preview", content=b"x" * 1_000_000, headers={"Content-Type": "application/json"}
            )
            assert_problem(answer, 413)
            assert (await client.get("/livez")).status_code == 200


async def test_who_waits_to_be_told_to_go_on_with_too_large_a_body_is_told_to_stop(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        "POST /v1/preview HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", "Content-Length: 1000000",
        "Expect: 100-continue", "", "",
    )  # fmt: skip
    writer.write("\r\n".join(head).encode())

    answered = (await asyncio.wait_for(reader.read(), 10)).decode()  # to its end: the connection is closed

    assert answered.startswith("HTTP/1.1 413 ")
    assert "connection: close" in answered.lower()
    writer.close()


async def test_who_hangs_up_in_the_middle_of_a_body_is_no_fault_of_ours(app: Starlette) -> None:
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception as fault:  # noqa: BLE001 - whatever a server would log
            ended.set_exception(fault)
        else:
            ended.set_result(None)

    async with served(watched) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /v1/preview HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"cron_'
        )
        await writer.drain()
        with capture_logs() as logged:
            writer.close()
            await asyncio.wait_for(ended, 10)
    assert logged == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.0\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n",
        b"GET /v1/schedules/%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/schedules?status=%ff&text=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_raw_requests_are_refused_politely(port: int, request_bytes: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes)
    status = await asyncio.wait_for(reader.readline(), 30)
    writer.close()
    await writer.wait_closed()
    assert status.split()[1][:1] == b"4", status


BEGINNING = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
IN_PIECES = b"POST /v1/preview HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n"


@pytest.mark.parametrize(
    ("beginning", "without_end"),
    [
        (BEGINNING, b"X-Header: value\r\n"),
        (BEGINNING + b"X-Header: ", b"value"),
        (BEGINNING, b"name"),
        (b"GET /", b"path"),
        (b"", b"GET"),
        (IN_PIECES, b"X-Trailer: value\r\n"),
        (IN_PIECES + b"X-Trailer: ", b"value"),
    ],
)
async def test_a_head_without_an_end_is_not_waited_for(port: int, beginning: bytes, without_end: bytes) -> None:
    """The answer is a 400; who goes on sending may get to see no more than that the connection has ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    much = without_end * (4096 // len(without_end))

    async with asyncio.timeout(20):
        with suppress(ConnectionError):
            writer.write(beginning)
            for _ in range(40 * LARGEST_HEAD // len(much)):
                writer.write(much)
                await writer.drain()
            await reader.read()  # to the end, for which one would wait for ever
    writer.close()


async def test_many_requests_and_large_bodies_on_one_connection_are_no_large_head(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    header = b"X-Header: " + b"v" * 8000 + b"\r\n"
    for _ in range(20):
        writer.write(BEGINNING + header + b"\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        assert head.startswith(b"HTTP/1.1 200 ")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
    body = b'{"cron_expression": "@daily"}'.ljust(4096)
    head = b"POST /v1/preview HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4096"
    head += b"\r\n\r\n"
    for at in range(0, len(head + body), 100):
        writer.write((head + body)[at : at + 100])
        await writer.drain()
    assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"HTTP/1.1 200 ")
    writer.close()
