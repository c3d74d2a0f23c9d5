"""The HTTP server inside an event loop of ours: it sleeps while nobody asks, and tells the time all the same."""

import asyncio
from contextlib import suppress
from email.utils import parsedate_to_datetime

import httpx2
from starlette.applications import Starlette

from rowcall.cli.http_server import listen, serve_http, url_of
from tests.worker.waiting import until


async def test_the_date_of_an_answer_goes_on_while_nobody_asks() -> None:
    stop, ready = asyncio.Event(), asyncio.Event()
    listener = listen("127.0.0.1", 0)
    serving = asyncio.create_task(
        serve_http(Starlette(), listener, stop=stop, abort=asyncio.Event(), on_ready=ready.set)
    )
    await ready.wait()
    async with httpx2.AsyncClient(base_url=url_of(listener)) as client:

        async def date() -> str:
            answer = (await client.get("/")).headers["Date"]
            assert parsedate_to_datetime(answer).tzinfo is not None
            return str(answer)

        first = await date()

        async def is_another() -> bool:
            return await date() != first

        await until(is_another, what="another second")
    stop.set()
    await asyncio.wait_for(serving, 30)


async def test_a_server_that_is_told_to_end_before_it_is_ready_ends() -> None:
    stop = asyncio.Event()
    stop.set()
    listener = listen("127.0.0.1", 0)
    await asyncio.wait_for(
        serve_http(Starlette(), listener, stop=stop, abort=asyncio.Event(), on_ready=lambda: None), 30
    )
    with suppress(OSError):
        listener.close()
