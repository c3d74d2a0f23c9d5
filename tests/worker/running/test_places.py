"""Places: first come, first served, and none is ever lost."""

from __future__ import annotations

from rowcall.worker.running.places import Places


async def test_who_finds_no_free_place_gets_the_next_in_the_order_of_asking() -> None:
    places = Places(1)
    first, second, third = places.ask(), places.ask(), places.ask()
    assert [asked.done() for asked in (first, second, third)] == [True, False, False]
    places.release(first)
    assert [asked.done() for asked in (second, third)] == [True, False]
    places.release(second)
    places.release(third)
    assert places.free == 1


async def test_who_stops_waiting_is_passed_over() -> None:
    places = Places(1)
    first, second, third = places.ask(), places.ask(), places.ask()
    places.release(second)
    places.release(first)
    assert third.done()
    assert not third.cancelled()
    assert places.free == 0
