"""One execution in two claims of one worker: its next attempt is claimed while its last result is being written."""

from __future__ import annotations

import asyncio
from random import Random

import rowcall
from rowcall.domain.executions import Outcome
from rowcall.metrics.tallies import Tallies
from rowcall.store.claiming import look
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from rowcall.store.finishing import Result
from rowcall.store.leases import WorkerCard, read_back, register_worker
from rowcall.worker.events import Audience
from rowcall.worker.holdings import Holdings
from rowcall.worker.recorder import Recorder
from tests.worker.conftest import Connection, Serve
from tests.worker.schedules import Schedules
from tests.worker.waiting import until


async def test_who_sits_on_a_schedule_holds_up_no_result_and_no_retry_of_another(
    database: Database, schedules: Schedules, another_connection: Connection
) -> None:
    """A batch ends a run that another waits for, and somebody sits on that one's schedule."""
    busy = await schedules.insert("note", max_retries=0, name="busy")
    retried = await schedules.insert("note", max_retries=1, retry_backoff_seconds=0)
    card = WorkerCard("w", "host", 1, "0", [], ["note"], slots=10, lease_seconds=3600)
    worker_id = await register_worker(database, card, [])
    holdings = Holdings(slots=10)
    recorder = Recorder(database, worker_id, holdings, Audience.of(None, Tallies()), Random(1))
    claims = {claim.schedule_id: claim for claim in await claimed(database, worker_id, holdings)}
    await schedules.db.execute("SELECT rowcall.execute_schedule('busy')")

    async with another_connection.transaction():
        await another_connection.execute("SELECT FROM rowcall.schedules WHERE schedule_id = $1 FOR UPDATE", busy)
        writing = asyncio.create_task(recorder.run())
        end(recorder, holdings, claims[busy], Outcome.succeeded())
        end(recorder, holdings, claims[retried], Outcome.failed("once"))
        await until(lambda: claimed(database, worker_id, holdings), what="the second attempt")

        assert (await read_back(database, worker_id, holdings.held())).given_back == 0

        [again] = holdings.running.values()
        assert again.fence == 2
        end(recorder, holdings, again, Outcome.succeeded())
        assert holdings.held()[again.execution_id] == 2
        async with asyncio.timeout(20):  # less than a statement may wait for a lock
            await recorder.flushed()
        row = await schedules.only_execution(retried)
        assert row is not None
        assert (row["status"], row["attempt"], row["fence"]) == ("SUCCEEDED", 2, 2)
    writing.cancel()


async def claimed(database: Database, worker_id: int, holdings: Holdings) -> list[Claim]:
    claims = (await look(database, worker_id, ["note"], 10)).claims
    for claim in claims:
        holdings.start(claim)
    return claims


def end(recorder: Recorder, holdings: Holdings, claim: Claim, outcome: Outcome) -> None:
    holdings.end(claim)
    recorder.put(Result(claim, outcome, 0.1))


async def test_a_result_that_is_recorded_late_leaves_the_next_attempt_held(
    database: Database, schedules: Schedules
) -> None:
    await schedules.insert("note", max_retries=1, retry_backoff_seconds=0)
    card = WorkerCard("w", "host", 1, "0", [], ["note"], slots=10, lease_seconds=3600)
    worker_id = await register_worker(database, card, [])
    holdings = Holdings(slots=10)
    [first] = await claimed(database, worker_id, holdings)
    holdings.end(first)
    assert (await read_back(database, worker_id, {})).given_back == 1
    [second] = await claimed(database, worker_id, holdings)
    holdings.end(second)

    holdings.forget([first])

    assert holdings.held() == {second.execution_id: 2}


async def test_an_id_that_a_standby_gives_out_again_does_not_take_the_place_of_what_runs(
    serve: Serve, schedules: Schedules
) -> None:
    """The standby lacked the last commits: an occurrence of another schedule gets the id of what runs here."""
    app = rowcall.App("testing")
    gate, ended_there, started = asyncio.Event(), asyncio.Event(), list[int]()

    @app.task("gated")
    async def gated(run: rowcall.Run) -> None:
        started.append(run.schedule_id)
        await gate.wait()
        if run.schedule_id != forgotten:
            await ended_there.wait()

    await serve(app)
    forgotten = await schedules.insert("gated")
    await until(lambda: started == [forgotten])
    row = await schedules.only_execution(forgotten)
    assert row is not None
    async with schedules.db.transaction():
        await schedules.db.execute("DELETE FROM rowcall.open_executions")
        await schedules.db.execute("DELETE FROM rowcall.schedule_executions")
        await schedules.db.execute("SELECT setval('rowcall.execution_ids', $1, false)", row["execution_id"])
        other = await schedules.insert("gated")

    async def is_claimed() -> bool:
        again = await schedules.only_execution(other)
        return again is not None and again["status"] == "RUNNING"

    await until(is_claimed)
    assert started == [forgotten]
    gate.set()
    await until(lambda: started == [forgotten, other], what="its start, when there is room for its id")
    ended_there.set()
    ended = await schedules.reaches("SUCCEEDED", other)

    assert started == [forgotten, other]
    assert (ended["execution_id"], ended["attempt"], ended["fence"]) == (row["execution_id"], 1, 2)
