"""Stopping in two steps, and the port that the API listens on."""

import asyncio
import os
import signal
import socket

import pytest

from rowcall.cli.http_server import listen, url_of
from rowcall.cli.stopping import stopping_on_signals
from rowcall.domain.errors import Conflict, InvalidInput


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_first_signal_asks_and_the_second_insists(number: signal.Signals) -> None:
    said: list[str] = []
    async with stopping_on_signals(said.append) as stopping, asyncio.timeout(30):
        os.kill(os.getpid(), number)
        await stopping.stop.wait()
        assert not stopping.abort.is_set()
        os.kill(os.getpid(), number)
        await stopping.abort.wait()
    assert [f"{number.name}:" in said[0], f"{number.name} again:" in said[1], len(said)] == [True, True, 2]


async def test_while_starting_a_signal_ends_the_start() -> None:
    async with stopping_on_signals(print) as stopping:
        starting = asyncio.ensure_future(asyncio.get_running_loop().create_future())
        task = asyncio.create_task(_wait_for(starting))
        stopping.while_starting(task)
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(asyncio.CancelledError):
            await task
    assert stopping.stop.is_set()


async def test_afterwards_the_signals_are_what_they_were() -> None:
    before = signal.getsignal(signal.SIGINT)
    async with stopping_on_signals(print):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("host", ["example.invalid", "a..b", f"{'a' * 64}.example"])
def test_what_is_no_address_is_told(host: str) -> None:
    with pytest.raises(InvalidInput, match=rf"host: '{host}' is no address to listen on"):
        listen(host, 0)


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("localhost", "http://")])
def test_a_free_port_is_found_and_told(host: str, url: str) -> None:
    with listen(host, 0) as listener:
        assert url_of(listener).startswith(url)
        with socket.create_connection(listener.getsockname()[:2]):
            pass


def test_a_port_that_is_taken_is_a_conflict() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(Conflict, match="choose another with --port"):
        listen("127.0.0.1", taken.getsockname()[1])


async def _wait_for(future: asyncio.Future[None]) -> None:
    await future
