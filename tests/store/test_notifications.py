"""Early news: heard as it is said, and missed by nobody for longer than the connection is down."""

import asyncio

import pytest

from rowcall.domain.errors import StoreUnavailable
from rowcall.store.notifications import listen
from tests.store.stories import DEADLINE_SECONDS, AnExecution, ASchedule, Connection


async def next_of(heard: "asyncio.Queue[str]") -> str:
    return await asyncio.wait_for(heard.get(), DEADLINE_SECONDS)


async def test_a_listener_looks_at_once_and_then_hears_changes_and_requests(
    dsn: str, db: Connection, a_schedule: ASchedule, an_execution: AnExecution
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(listen(dsn, heard.put_nowait))
    assert await next_of(heard) == "look", "what was said before it listened is not heard"

    schedule_id = await a_schedule()
    assert await next_of(heard) == "look"
    await an_execution(schedule_id)
    assert await next_of(heard) == "look"
    await db.execute("NOTIFY rowcall, 'cancel'")
    assert await next_of(heard) == "cancel"

    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening


async def test_a_connection_that_is_cut_ends_the_listening(dsn: str, db: Connection) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(listen(dsn, heard.put_nowait, application_name="the listener"))
    await next_of(heard)

    await db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'the listener' AND datname = current_database()"
    )

    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(listening, DEADLINE_SECONDS)


async def test_a_server_that_is_not_there_is_told_as_unavailable(dsn: str) -> None:
    with pytest.raises(StoreUnavailable):
        await listen("postgresql://nobody@127.0.0.1:1/nowhere", print)
