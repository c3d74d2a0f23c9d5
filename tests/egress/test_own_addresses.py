"""Rowcall's own database and API are called by nobody, whatever the allow list says."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from rowcall.egress import EgressFailed, EgressRefused, HttpClient, Policy, Response
from rowcall.egress.backend import system_resolver
from tests.egress.conftest import Names, Replying, Serve


async def send(client: HttpClient, port: int, host: str = "127.0.0.1") -> Response:
    url = f"http://{host}:{port}/"
    return await client.request("GET", url, headers={}, body=None, timeout_seconds=5, max_response_bytes=100)


@pytest.mark.parametrize("own", ["127.0.0.1", "0.0.0.0", "localhost", "[::ffff:127.0.0.1]", "[::]"])
async def test_the_api_is_not_called_by_its_address(own: str, serve: Serve, replying: Replying) -> None:
    site = await serve(replying())
    policy = Policy.parse("127.0.0.1, localhost, 0.0.0.0/0", [f"{own}:{site.port}"])
    async with HttpClient(policy) as client:
        with pytest.raises(EgressRefused, match="Rowcall's own database or API"):
            await send(client, site.port)
    assert site.connections == 0


async def test_a_database_known_by_name_is_not_called_by_another_name_of_its_address(
    serve: Serve, replying: Replying, names: type[Names]
) -> None:
    site = await serve(replying())
    resolve = names(db_internal=[["127.0.0.1"]], alias_internal=[["127.0.0.1"]])
    policy = Policy.parse("*.internal", [f"db.internal:{site.port}"])
    async with HttpClient(policy, resolve=resolve) as client:
        for host in ("db.internal", "alias.internal"):
            with pytest.raises(EgressRefused, match="Rowcall's own database or API"):
                await send(client, site.port, host)
    assert site.connections == 0


async def test_nothing_is_called_on_the_databases_port_while_its_name_is_unknown(
    serve: Serve, replying: Replying, names: type[Names]
) -> None:
    site = await serve(replying())
    policy = Policy.parse("127.0.0.1", [f"db.internal:{site.port}"])
    async with HttpClient(policy, resolve=names()) as client:
        with pytest.raises(EgressFailed, match=r"no address was found for db\.internal"):
            await send(client, site.port)
    assert site.connections == 0


async def test_other_ports_of_the_same_machine_are_called(serve: Serve, replying: Replying, names: type[Names]) -> None:
    site = await serve(replying(b"fine"))
    policy = Policy.parse("127.0.0.1", [f"0.0.0.0:{site.port + 1}", "db.internal:5432"])
    resolve = names()
    async with HttpClient(policy, resolve=resolve) as client:
        assert (await send(client, site.port)).body == b"fine"
    assert resolve.asked == []


async def test_an_address_of_another_machine_is_not_taken_for_this_one() -> None:
    async with HttpClient(Policy.parse("", ["0.0.0.0:80"])) as client:
        with pytest.raises(EgressRefused, match=r"192\.0\.2\.1, which is not public"):
            await send(client, 80, "192.0.2.1")


async def test_the_operating_systems_look_up_names_each_address_once() -> None:
    found = await system_resolver("localhost", 80)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert len(found) == len(set(found)) > 0
    with pytest.raises(socket.gaierror):
        await system_resolver("127.0.0.1.invalid\x00", 80)


async def test_names_that_nobody_answers_for_keep_no_other_look_up_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, ask = threading.Event(), socket.getaddrinfo

    def silent(host: str, *more: Any, **named: Any) -> Any:
        if host.startswith("silent"):
            answered.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return ask(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    waiting = [asyncio.create_task(system_resolver(f"silent{n}.example", 80)) for n in range(40)]
    try:
        async with asyncio.timeout(20):
            assert await system_resolver("localhost", 80)
            assert await asyncio.get_running_loop().getaddrinfo("localhost", 5432)  # as the database's driver does
    finally:
        answered.set()
        assert {type(fault) for fault in await asyncio.gather(*waiting, return_exceptions=True)} == {socket.gaierror}
