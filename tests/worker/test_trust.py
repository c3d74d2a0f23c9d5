"""How long a worker trusts its lease: from before the request that renewed it, and not to its last moment."""

from __future__ import annotations

import time

from rowcall.store.database import Database
from rowcall.store.leases import WorkerCard, register_worker
from rowcall.worker.heartbeat import MARGIN, Heartbeat, Pace
from tests.worker.conftest import Connection
from tests.worker.line import line_to
from tests.worker.waiting import until

LEASE_SECONDS = 4.0
TRUSTED_SECONDS = LEASE_SECONDS * (1 - MARGIN)


class Trusting:
    """A heartbeat that beats only when it is told to, and the moment at which it gave up."""

    def __init__(
        self,
        dsn: str,
        worker_id: int,
        leased_since: float | None = None,
        interval_seconds: float = 60,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self.beats = 0
        self.is_idle = False
        self.lost_at = 0.0
        self.heartbeat = Heartbeat(
            dsn,
            worker_id,
            interval_seconds=interval_seconds,
            lease_seconds=lease_seconds,
            leased_since=time.monotonic() if leased_since is None else leased_since,
            on_lost=self._lose,
            on_cancel=lambda ids: None,
            on_beat=self._beat,
            is_idle=lambda: self.is_idle,
        )

    def _lose(self, why: str) -> None:
        self.lost_at = time.monotonic()

    def _beat(self, runs: bool) -> None:
        self.beats += 1


async def a_worker(database: Database) -> int:
    card = WorkerCard("w", "host", 1, "0", [], ["note"], slots=1, lease_seconds=LEASE_SECONDS)
    return await register_worker(database, card, [])


async def test_a_worker_gives_up_before_its_lease_runs_out(dsn: str, database: Database) -> None:
    """What it runs has to end while the lease lasts: so the trust ends earlier, with room for that."""
    trusting = Trusting(dsn, await a_worker(database))
    since = time.monotonic()
    async with trusting.heartbeat:
        await until(lambda: trusting.lost_at, what="the end of its trust")
    assert trusting.beats == 1
    assert TRUSTED_SECONDS <= trusting.lost_at - since < 0.9 * LEASE_SECONDS


async def test_a_lease_is_trusted_from_before_the_request_that_renewed_it(
    dsn: str, db: Connection, database: Database
) -> None:
    """An answer that took long says nothing of when PostgreSQL counted: perhaps right at the beginning."""
    lease = 2 * LEASE_SECONDS  # half of the trust in it is longer than the answer takes: so long it is waited for
    async with line_to(dsn, db) as line:
        trusting = Trusting(line.dsn, await a_worker(database), lease_seconds=lease)
        async with trusting.heartbeat:
            await until(lambda: trusting.beats == 1)
            line.fall_silent()
            asked_at = time.monotonic()
            trusting.heartbeat.beat_soon()
            await until(lambda: time.monotonic() > asked_at + lease / 4)
            line.restore()
            await until(lambda: trusting.beats == 2, what="the late answer")
            await until(lambda: trusting.lost_at, what="the end of its trust")
    assert trusting.lost_at - asked_at < lease


async def test_until_the_first_beat_is_answered_a_lease_is_trusted_from_the_registration_on(
    dsn: str, db: Connection, database: Database
) -> None:
    """Between the two lies all that a worker declares, which may take long; and then nobody may answer."""
    registered_at = time.monotonic()
    worker_id = await a_worker(database)
    async with line_to(dsn, db) as line:
        line.fall_silent()
        await until(lambda: time.monotonic() > registered_at + LEASE_SECONDS / 2)
        trusting = Trusting(line.dsn, worker_id, registered_at)
        async with trusting.heartbeat:
            await until(lambda: trusting.lost_at, what="the end of its trust")
    assert trusting.beats == 0
    assert trusting.lost_at - registered_at < LEASE_SECONDS


async def test_the_trust_in_a_long_lease_ends_with_the_request_for_a_shorter_one(
    dsn: str, db: Connection, database: Database
) -> None:
    """It may have been granted, though nobody answered: then others count from there."""
    quick = Pace(2.0, LEASE_SECONDS)
    async with line_to(dsn, db) as line:
        trusting = Trusting(line.dsn, await a_worker(database), interval_seconds=quick.interval_seconds)
        trusting.is_idle = True
        async with trusting.heartbeat:
            await until(lambda: is_granted(db, quick.slower()), what="the long lease")
            line.fall_silent()
            asked_at, trusting.is_idle = time.monotonic(), False
            trusting.heartbeat.quicken()
            await until(lambda: trusting.lost_at, what="the end of its trust")
    assert trusting.lost_at - asked_at < (quick.trusted_seconds + quick.slower().trusted_seconds) / 2


async def is_granted(db: Connection, pace: Pace) -> bool:
    """Whether the lease has this length."""
    lease: float = await db.fetchval("SELECT lease_seconds FROM rowcall.workers")
    return lease == pace.lease_seconds
