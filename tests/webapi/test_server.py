"""The API behind uvicorn, over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest
import uvicorn

from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.webapi import create_app
from tests.webapi.answers import assert_problem


@pytest.fixture
async def port(database: Database) -> AsyncIterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # who connects before uvicorn is up waits here
        config = uvicorn.Config(create_app(database, Settings(max_body_bytes=4096)), log_config=None, lifespan="off")
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
