"""Results on their way: a result that PostgreSQL can't store holds up no other, and is accounted for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest
from structlog.testing import capture_logs

from rowcall.domain.executions import Outcome
from rowcall.store.claiming import look
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from rowcall.store.finishing import Result
from rowcall.store.leases import WorkerCard, register_worker
from rowcall.worker import Event, ExecutionEnded
from rowcall.worker.events import Audience
from rowcall.worker.holdings import Holdings
from rowcall.worker.recorder import Recorder
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

UNSTORABLE = {
    "a NUL in its JSON": Outcome.succeeded('{"text": "\\u0000"}'),
    "no JSON at all": Outcome.succeeded("{"),
    "a NUL in its error": Outcome.failed("broken \0 pipe"),
    "half a character in its error": Outcome.failed("half of \ud83d"),
}


class Desk:
    """A recorder with claims in hand."""

    def __init__(self, database: Database, worker_id: int, claims: list[Claim]) -> None:
        self.holdings = Holdings(slots=10)
        self.events: list[Event] = []
        self.audience = Audience(self.events.append, of_every_run=True)
        self.recorder = Recorder(database, worker_id, self.holdings, self.audience, Random(1))
        self.claims = claims
        for claim in claims:
            self.holdings.start(claim)

    def end(self, claim: Claim, outcome: Outcome) -> None:
        self.holdings.end(claim)
        self.recorder.put(Result(claim, outcome, 0.1))

    def told(self) -> dict[int, str]:
        """The statuses that were told, by execution."""
        return {event.execution_id: event.status for event in self.events if isinstance(event, ExecutionEnded)}


@pytest.fixture
async def desk(database: Database, schedules: Schedules) -> AsyncIterator[Desk]:
    """A recorder at work, for a worker that has claimed five executions."""
    for _ in range(5):
        await schedules.insert("note", max_retries=0)
    card = WorkerCard("w", "host", 1, "0", [], ["note"], slots=10, lease_seconds=3600)
    worker_id = await register_worker(database, card, [])
    desk = Desk(database, worker_id, (await look(database, worker_id, ["note"], 10)).claims)
    writing = asyncio.create_task(desk.recorder.run())
    yield desk
    writing.cancel()


@pytest.mark.parametrize("what", UNSTORABLE)
async def test_a_result_that_cannot_be_stored_fails_and_holds_up_no_other(
    desk: Desk, schedules: Schedules, what: str
) -> None:
    first, second, poisoned, *rest = desk.claims
    for claim in (first, second):
        desk.end(claim, Outcome.succeeded('{"rows": 3}'))
    desk.end(poisoned, UNSTORABLE[what])
    for claim in rest:
        desk.end(claim, Outcome.succeeded(None))
    async with asyncio.timeout(20):
        await desk.recorder.flushed()

    statuses = {row["execution_id"]: row["status"] for row in await schedules.executions()}
    expected = {claim.execution_id: "SUCCEEDED" for claim in desk.claims} | {poisoned.execution_id: "FAILED"}
    assert statuses == expected == desk.told()
    row = await schedules.only_execution(poisoned.schedule_id)
    assert row is not None
    assert "can't be stored" in row["error_message"]
    assert not desk.holdings.any


async def test_a_result_that_the_database_refuses_in_any_form_is_put_aside_and_tried_again(
    desk: Desk, schedules: Schedules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Say, because of somebody's own trigger: until that is mended, it holds up no other, and is not forgotten."""
    monkeypatch.setattr("rowcall.worker.recorder.PUT_ASIDE_SECONDS", 0.1)
    first, poisoned, *rest = desk.claims
    await schedules.db.execute(
        f"""
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'no end to this'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON rowcall.schedule_executions FOR EACH ROW
            WHEN (OLD.execution_id = {poisoned.execution_id}) EXECUTE FUNCTION public.refuse()
        """
    )
    for claim in (first, poisoned, *rest):
        desk.end(claim, Outcome.succeeded('{"rows": 3}'))
    await until(lambda: len(desk.told()) == 4, what="the results of the others")
    assert desk.holdings.held() == {poisoned.execution_id: 1}
    await schedules.db.execute("DROP TRIGGER refuse ON rowcall.schedule_executions")

    await schedules.reaches("SUCCEEDED", poisoned.schedule_id)
    await until(lambda: desk.told() == {claim.execution_id: "SUCCEEDED" for claim in desk.claims})
    assert not desk.holdings.any


async def test_results_are_held_until_they_are_recorded(desk: Desk) -> None:
    held = desk.holdings.held()
    assert desk.holdings.free == 5
    desk.end(desk.claims[0], Outcome.succeeded(None))
    assert desk.holdings.free == 6  # its slot is free at once
    assert desk.holdings.held() == held  # but a look at the database must not take it for lost
    async with asyncio.timeout(20):
        await desk.recorder.flushed()
    assert desk.claims[0].execution_id not in desk.holdings.held()


async def test_what_is_recorded_is_counted_by_the_batch(desk: Desk) -> None:
    first, *rest = desk.claims
    desk.end(first, Outcome.failed("no"))
    for claim in rest:
        desk.end(claim, Outcome.succeeded(None))
    async with asyncio.timeout(20):
        await desk.recorder.flushed()
    desk.recorder.put(Result(first, Outcome.succeeded(None), 0.1))  # it was given up meanwhile
    async with asyncio.timeout(20):
        await desk.recorder.flushed()

    tallies = desk.audience.tallies
    assert tallies.executions == {("note", "failed"): 1, ("note", "succeeded"): 4}
    assert sum(tallies.durations["note", "succeeded"].counts) == 4
    assert (tallies.occurrences, sum(tallies.lag.counts)) == ({"run": 5}, 5)
    assert tallies.stale_results == 1


async def test_a_watcher_that_fails_takes_no_result_along(desk: Desk, schedules: Schedules) -> None:
    def fail(_: Event) -> None:
        raise OSError("no room to write it down")

    object.__setattr__(desk.audience, "watch", fail)
    with capture_logs() as lines:
        for claim in desk.claims:
            desk.end(claim, Outcome.succeeded('{"rows": 3}'))
        async with asyncio.timeout(20):
            await desk.recorder.flushed()
    assert [row["status"] for row in await schedules.executions()] == ["SUCCEEDED"] * 5
    assert {line["event"] for line in lines if line["log_level"] == "error"} == {"watcher_failed"}
