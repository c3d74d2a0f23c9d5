"""The loop: look, start what was claimed, and sleep until there is reason to look again.

A tick knows nothing of loops, so that tests and `rowcall tick` call it by itself. The loop can't die of the store's
faults; anything else ends the worker, loudly.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

import structlog

from rowcall.domain.catching_up import CatchUp
from rowcall.domain.errors import StoreUnavailable
from rowcall.settings import Settings
from rowcall.store.claiming import Look, look
from rowcall.store.database import Database
from rowcall.store.keeping import FEW
from rowcall.store.lead import Lead
from rowcall.store.leases import read_back

from .pulse import Pulse
from .work import Work

log = structlog.get_logger("rowcall.worker")

BATCH = 1000
FLOOR_SECONDS = 0.025
"""A row held in another's transaction looks due: without a floor the loop would spin on it."""

LONGEST_BACKOFF_SECONDS = 5.0

FULL_READBACK = 6
"""One readback in so many, and any after a doubt, sees all that runs in this worker's name; the others what is new."""


class Loop:
    """One worker id's look-outs for work. `wake` it to make it look at once.

    `on_work` is called when a look brought claims, or may have: it is `doubtful` when nobody answered. `on_looked` is
    told in how many seconds something is due, None where nothing is planned; `on_busy`, in which schedules something
    still waits to be let go. `at_rest` is set while there is nothing to claim. Looks begin at `since`; None: at the
    beginning.

    A look begins where the one before it found the first schedule, and needs not step over all that has long been
    answered. One after a notification sees everything that is due, and so does one after a sweep that found something
    due before that: looking for it is not this loop's, which would be late for what is due now.
    """

    def __init__(
        self, database: Database, worker_id: int, routes: Sequence[str], work: Work, random: Random, settings: Settings
    ) -> None:
        self._database = database
        self._worker_id = worker_id
        self._routes = routes
        self._work = work
        self._random = random
        self._poll_seconds = settings.poll_interval_seconds
        self._look_back = timedelta(seconds=settings.look_back_seconds)
        self.since: datetime | None = None
        self._due_at = math.inf
        self._lead = Lead()
        self._everything = True
        self._catch_up = CatchUp(
            settings.concurrency,
            after_seconds=settings.catch_up_after_seconds,
            share=settings.catch_up_share,
            per_second=settings.catch_up_rate,
        )
        self._news = asyncio.Event()
        self.at_rest = asyncio.Event()
        self._reconcile_due = False
        self._readbacks = 0
        self._read_through: int | None = None
        self.doubtful = False
        self.on_work: Callable[[], None] = lambda: None
        self.on_looked: Callable[[float | None], None] = lambda _: None
        self.on_busy: Callable[[Sequence[int]], None] = lambda _: None
        work.on_room = self.wake

    def wake(self) -> None:
        """Look again as soon as possible."""
        self._news.set()

    def look_at_everything(self) -> None:
        """Look again as soon as possible, from the beginning: a schedule may have come to be due in the past."""
        self._everything = True
        self._news.set()

    def reconcile_soon(self, runs: bool) -> None:  # noqa: FBT001 - the heartbeat's one fact
        """Hold what runs in this worker's name against what it knows, before the next look, if there is any."""
        if runs or self.doubtful or self._work.holdings.any:
            self._reconcile_due = True
            self.wake()

    async def run(self, stopping: asyncio.Event, pulse: Pulse) -> None:
        """Tick until `stopping` is set; wake the loop after setting it."""
        failures = 0
        while not stopping.is_set():
            self._news.clear()  # before looking: what is said meanwhile is not lost
            try:
                delay = await self.tick()
                failures = 0
                pulse.beat()
            except StoreUnavailable as fault:
                failures += 1
                self._everything = True
                self.doubtful = True  # a claim whose COMMIT nobody answered may stand all the same
                self.on_work()
                delay = min(LONGEST_BACKOFF_SECONDS, 0.05 * 2**failures) * (0.5 + self._random.random() / 2)
                log.warning("look_failed", error=str(fault), retry_in_seconds=round(delay, 2))
            self._lead.rang_at = None
            if delay > 0:
                self.at_rest.set()
                self._lead.rang_at = await self._sleep(delay)

    async def tick(self) -> float:
        """One look; in how many seconds the next is due. Raises StoreUnavailable."""
        if self._reconcile_due:
            await self._reconcile()
        room = min(BATCH, self._work.holdings.free)
        if room <= 0:
            return self._poll_seconds
        everything, self._everything = self._everything, False
        expected = not everything and self._due_at - time.monotonic() <= self._lead.patience_seconds
        found = await look(
            self._database,
            self._worker_id,
            self._routes,
            room,
            since=None if everything else self.since,
            late=self._catch_up.lane(len(self._work.holdings.late), time.monotonic()),
            lead=self._lead,
            expected=expected,
        )
        self._catch_up.took(len(found.late), len(found.claims) - len(found.late), late_is_left=found.late_is_left)
        self.since = found.all_answered_before and found.all_answered_before - self._look_back
        self._due_at = _due_at(found)
        if found.claims:
            self.at_rest.clear()
            self.on_work()
        self._work.take(found)
        self.on_busy(found.busy)
        self.on_looked(0.0 if found.found_due or found.late_is_left else found.due_in_seconds)
        return self._delay(found)

    async def look_through(self) -> tuple[int, int]:
        """Look until nothing more is due, or there is no more room; how many were claimed, and how many not run."""
        claimed = recorded = 0
        while (room := min(BATCH, self._work.holdings.free)) > 0:
            found = await look(self._database, self._worker_id, self._routes, room)
            self._work.take(found)
            claimed, recorded = claimed + len(found.claims), recorded + len(found.recorded)
            if not (found.claims or found.recorded or (found.apart and not found.stuck)):
                break
        return claimed, recorded

    def _delay(self, found: Look) -> float:
        if found.recorded or found.planned or (found.claims and not found.knows_next):
            return 0.0  # there may be more, and the next moment has changed
        if found.found_due and not found.claims and not found.stuck:
            return FLOOR_SECONDS  # due, and held by another: it will be gone in a moment
        delay = self._poll_seconds * (1.1 + 0.2 * self._random.random())  # the sweep wakes it earlier, if it can
        if found.due_in_seconds is not None:
            delay = min(delay, max(0.0, found.due_in_seconds - self._lead.seconds))
        if found.stuck:
            delay = min(delay, LONGEST_BACKOFF_SECONDS)  # it hides what is next behind it
        return min(delay, self._catch_up.pause(time.monotonic())) if found.late_is_left else delay

    async def _sleep(self, seconds: float) -> float | None:
        """Sleep until there is news; else when the timer was to ring that ended it."""
        rings_at = time.monotonic() + seconds
        try:
            await asyncio.wait_for(self._news.wait(), timeout=seconds)
        except TimeoutError:
            return rings_at
        return None

    async def _reconcile(self) -> None:
        """Hold what runs in this worker's name against what it holds. No claim is on its way while this runs."""
        self._reconcile_due = False
        running = dict(self._work.holdings.running)
        in_full = self.doubtful or self._readbacks % FULL_READBACK == 0
        since = None if in_full else self._read_through
        readback = await read_back(self._database, self._worker_id, self._work.holdings.held(), since=since)
        self._readbacks += 1
        self._read_through = readback.through
        self.doubtful = False
        if readback.given_back:
            log.warning("unheld_executions_given_back", executions=readback.given_back)
        for execution_id in running.keys() - readback.present:
            self._work.cancel(execution_id, "it was given to another worker")


def _due_at(found: Look) -> float:
    """When, on the monotonic clock, the next look is expected to find something, after one that has found this."""
    if found.unplanned:
        return math.inf  # it has to plan first
    if found.claims and not found.knows_next:
        return 0.0 if len(found.claims) > FEW else math.inf  # there may be more, where there were many
    return math.inf if found.due_in_seconds is None else time.monotonic() + found.due_in_seconds
