"""Waiting for the first of several things, or for all of them, with a limit; what is not waited for is cancelled."""

from __future__ import annotations

import asyncio

from rowcall.worker.waiting import any_of, first_of, within


async def test_the_first_event_ends_the_wait() -> None:
    early, late = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().call_soon(early.set)
    assert await first_of(late, early, timeout=10)


async def test_an_event_that_is_set_already_is_not_waited_for() -> None:
    done = asyncio.Event()
    done.set()
    assert await first_of(done, asyncio.Event(), timeout=10)


async def test_a_wait_with_a_limit_says_that_nothing_came() -> None:
    assert not await first_of(asyncio.Event(), asyncio.Event(), timeout=0.01)


async def test_what_loses_the_race_is_cancelled() -> None:
    slow = asyncio.create_task(asyncio.Event().wait())
    assert await any_of(slow, asyncio.sleep(0), timeout=10)
    await asyncio.wait([slow], timeout=10)
    assert slow.cancelled()


async def test_all_of_them_are_waited_for_within_the_limit() -> None:
    done: list[str] = []

    async def note(name: str) -> None:
        done.append(name)

    assert await within(10, note("one"), note("two"))
    assert sorted(done) == ["one", "two"]


async def test_what_is_not_done_within_the_limit_is_cancelled() -> None:
    slow = asyncio.create_task(asyncio.Event().wait())
    assert not await within(0.01, asyncio.sleep(0), slow)
    assert slow.cancelled()
