"""Worker processes that die at the worst moments: every event is delivered at least once, under one id, signed."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import asyncpg

from tests.worker.conftest import StartWorker
from tests.worker.schedules import Schedules
from tests.worker.waiting import until
from tests.worker.webhooks.receiver import KEY, Receiver, receiving


async def pending(schedules: Schedules) -> list[asyncpg.Record]:
    return await schedules.db.fetch("SELECT * FROM rowcall.webhook_deliveries WHERE status = 'PENDING'")


async def all_delivered(schedules: Schedules, count: int) -> None:
    async def so_many() -> bool:
        delivered: int = await schedules.db.fetchval(
            "SELECT count(*) FROM rowcall.webhook_deliveries WHERE status = 'DELIVERED'"
        )
        return delivered == count

    await until(so_many, what=f"{count} deliveries", within=60)


async def assert_each_is_told(schedules: Schedules, receiver: Receiver) -> None:
    """Every execution that ended reached the receiver; however often, under one id and signed."""
    ended = {row["execution_id"] for row in await schedules.executions() if row["finished_at"] is not None}
    ids: dict[int, set[str]] = {}
    for each in receiver.received:
        ids.setdefault(each.data["execution_id"], set()).add(each.id)
    assert ids.keys() == ended
    assert {len(same) for same in ids.values()} == {1}
    assert len({next(iter(same)) for same in ids.values()}) == len(ended)
    assert all(each.is_signed_with(KEY) for each in receiver.received)


async def kill(worker: Any) -> None:
    worker.signal(signal.SIGKILL)
    await worker.ended()


async def test_a_receiver_that_was_down_for_a_while_is_told_of_everything(
    start_worker: StartWorker, schedules: Schedules, quick_process: dict[str, Any]
) -> None:
    receiver = Receiver()
    async with receiving(receiver):
        pass  # it has a port now, and nobody listens there
    ids = [await schedules.insert("note", callback_url=receiver.url) for _ in range(10)]
    start_worker(**quick_process)
    await schedules.ended(*ids)

    async def refused() -> bool:
        return any(row["attempt"] > 1 for row in await pending(schedules))

    await until(refused, what="a second try")
    assert len(await pending(schedules)) == 10
    async with receiving(receiver):
        await all_delivered(schedules, 10)
        await assert_each_is_told(schedules, receiver)


async def test_a_worker_killed_between_commit_and_delivery_has_told_nobody_and_another_does(
    start_worker: StartWorker, schedules: Schedules, quick_process: dict[str, Any], dsn: str
) -> None:
    """Nothing can be taken while the test holds it: the worker dies with the ends committed, and nothing sent."""
    async with receiving(Receiver()) as receiver:
        await schedules.db.execute(
            "CREATE FUNCTION wait_for_the_test() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            "  PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END $$;"
            " CREATE TRIGGER wait_for_the_test BEFORE UPDATE ON rowcall.webhook_deliveries"
            " FOR EACH ROW EXECUTE FUNCTION wait_for_the_test()"
        )
        await schedules.db.execute("SELECT pg_advisory_lock(4711)")
        ids = [await schedules.insert("note", callback_url=receiver.url) for _ in range(5)]
        worker = start_worker(**quick_process)
        await schedules.ended(*ids)
        await kill(worker)
        assert receiver.received == []
        assert len(await pending(schedules)) == 5
        await schedules.db.execute("SELECT pg_advisory_unlock(4711)")
        start_worker(**quick_process)
        await all_delivered(schedules, 5)
        await assert_each_is_told(schedules, receiver)


async def test_a_worker_killed_between_delivery_and_its_note_leaves_a_second_delivery_under_the_same_id(
    start_worker: StartWorker, schedules: Schedules, quick_process: dict[str, Any], dsn: str
) -> None:
    receiver = Receiver(answering=asyncio.Event())
    async with receiving(receiver), asyncpg.create_pool(dsn, min_size=1) as pool, pool.acquire() as holder:
        schedule_id = await schedules.insert("note", callback_url=receiver.url)
        worker = start_worker(**quick_process | {"webhook_timeout_seconds": 2})
        await schedules.ended(schedule_id)
        await until(lambda: bool(receiver.received), what="the first delivery")
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM rowcall.webhook_deliveries FOR UPDATE")
            receiver.answering.set()

            waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

            async def noting() -> bool:
                return bool(await schedules.db.fetchval(f"SELECT count(*) {waiting}"))

            await until(noting, what="the note, which waits")
            await kill(worker)
            # Its session would write the note all the same: it hears of nobody's death while it waits.
            assert await schedules.db.fetchval(f"SELECT bool_and(pg_terminate_backend(pid, 5000)) {waiting}")
        start_worker(**quick_process)
        await all_delivered(schedules, 1)
        await assert_each_is_told(schedules, receiver)
        assert len(receiver.received) == 2


async def test_workers_killed_again_and_again_lose_no_event(
    start_worker: StartWorker, schedules: Schedules, quick_process: dict[str, Any]
) -> None:
    async with receiving(Receiver(answers=[500, 204, 500, 204])) as receiver:
        told: dict[str, Any] = {"callback_url": receiver.url, "max_retries": 5, "retry_backoff_seconds": 0}
        ids: list[int] = []
        for _ in range(3):
            worker = start_worker(**quick_process)
            ids += [await schedules.insert("note", **told) for _ in range(10)]
            before = len(receiver.received)
            await until(lambda before=before: len(receiver.received) > before, what="another webhook", within=60)  # type: ignore[misc] # mypy knows no defaults
            await kill(worker)
        start_worker(**quick_process)
        await schedules.ended(*ids)
        await all_delivered(schedules, 30)
        await assert_each_is_told(schedules, receiver)
