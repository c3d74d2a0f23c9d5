"""The duty of delivering webhooks: take what is due, fairly among receivers, send it, and note how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

import structlog

from rowcall.domain.errors import StoreUnavailable
from rowcall.domain.webhooks import Attempt, DeliveryStatus, allot, given_up, judge
from rowcall.metrics.tallies import Tallies
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.webhooks import (
    MOST_TARGETS,
    Delivery,
    claim_deliveries,
    expire_deliveries,
    forget_deliveries,
    note_delivery,
    waiting_targets,
)

from .receivers import Receivers
from .sending import Sender

log = structlog.get_logger("rowcall.worker")

LONGEST_SLEEP_SECONDS = 5.0
"""While anything waits, and after anything may have been put into the outbox by somebody else."""

RESULTS = {DeliveryStatus.DELIVERED: "delivered", DeliveryStatus.PENDING: "failed", DeliveryStatus.DEAD: "dead"}
"""What became of a try, as metrics name it."""

FLOOR_SECONDS = 0.02
FORGET_SECONDS = 60.0
SHORTEST_MARGIN_SECONDS = 5.0


class Deliverer:
    """One worker's share in all deliveries. `wake` it when something was put into the outbox.

    While nothing waits it sleeps until then; the sweep of any worker finds what nobody told of.
    """

    def __init__(
        self, database: Database, sender: Sender, settings: Settings, random: Random, tallies: Tallies
    ) -> None:
        self._database = database
        self._sender = sender
        self._settings = settings
        self._random = random
        self._tallies = tallies
        self._slots = settings.webhook_concurrency
        self._lease_seconds = settings.webhook_timeout_seconds + max(
            SHORTEST_MARGIN_SECONDS, settings.webhook_timeout_seconds / 2
        )
        self._receivers = Receivers(settings.webhook_retry_seconds)
        self._sending: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._after = ""
        self._forget_at = 0.0
        self._stirred: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Look as soon as possible."""
        self._news.set()

    def stir(self) -> None:
        """Look in a few seconds: something may have been put into the outbox."""
        if self._stirred is None:
            self._stirred = asyncio.get_running_loop().call_later(LONGEST_SLEEP_SECONDS, self.wake)

    async def run(self, ending: asyncio.Event) -> None:
        """Deliver until `ending` is set, or until cancelled; then nothing new is begun."""
        try:
            while not ending.is_set():
                self._news.clear()  # before looking: what is said meanwhile is not lost
                self._settle()
                pause: float | None = LONGEST_SLEEP_SECONDS
                try:
                    pause = await self.look()
                except StoreUnavailable as fault:
                    log.warning("webhooks_wait_for_the_database", error=str(fault))
                await asyncio.sleep(FLOOR_SECONDS)
                await self._sleep(pause)
            await self.idle()
        finally:
            self._settle()
            await self._break_off()

    def _settle(self) -> None:
        if self._stirred is not None:
            self._stirred.cancel()
            self._stirred = None

    async def _break_off(self) -> None:
        """End what is on its way: it will be due again when its time is over."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def deliver_all(self) -> None:
        """Deliver what is due now, and wait for it; what fails is left for later. Raises StoreUnavailable."""
        await self.look()
        while self._sending:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
            await self.look()

    async def idle(self) -> None:
        """Wait until nothing is on its way."""
        while self._sending:
            await asyncio.wait(self._sending)

    async def look(self) -> float | None:
        """Take what is due and there is room for, and send it off; when to look again, in seconds, or when woken."""
        await self._forget()
        room = self._slots - len(self._sending)
        if room <= 0:
            return LONGEST_SLEEP_SECONDS  # the next that ends wakes it
        waiting = await self._waiting()
        due, next_in = self._due(waiting)
        share = allot(due, self._receivers.busy, self._receivers.failing, room, self._slots)
        for delivery in await claim_deliveries(self._database, share, self._lease_seconds) if share else ():
            self._start(delivery)
        return next_in if waiting or self._after else None

    async def _waiting(self) -> Sequence[tuple[str, float]]:
        """A page of receivers; where there are more than fit on one, the next look takes the next."""
        page = await waiting_targets(self._database, self._after)
        whole = len(page) < MOST_TARGETS
        if whole and self._after:
            page += await waiting_targets(self._database, "")
        self._after = "" if whole else page[-1][0]
        return list(dict(page).items())

    def _due(self, waiting: Sequence[tuple[str, float]]) -> tuple[list[str], float]:
        """Receivers to deliver to now, in no order, and in how many seconds there may be another."""
        now, next_in, due = asyncio.get_running_loop().time(), LONGEST_SLEEP_SECONDS, []
        for target, due_in in waiting:
            wait = max(due_in, self._receivers.pause_of(target, now))
            if wait > 0:
                next_in = min(next_in, wait)
            else:
                due.append(target)
        self._random.shuffle(due)
        return due, 0.0 if self._after else next_in

    def _start(self, delivery: Delivery) -> None:
        self._receivers.begin(delivery.target)
        task = asyncio.create_task(self._deliver(delivery))
        self._sending.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._news.set()
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("webhook_delivery_broke_off", exc_info=fault)  # it is due again when its time is over

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            attempt = await self._sender.send(delivery)
        finally:
            self._receivers.end(delivery.target)
        now = asyncio.get_running_loop().time()
        self._receivers.heard(delivery.target, now, reached_nobody=attempt.reached_nobody)
        try:
            await self._note(delivery, attempt)
        except StoreUnavailable as fault:
            log.warning("webhook_not_noted", delivery_id=delivery.delivery_id, error=str(fault))

    async def _note(self, delivery: Delivery, attempt: Attempt) -> None:
        give_up = self._settings.webhook_give_up_seconds
        verdict = judge(attempt, delivery.age_seconds, self._settings.webhook_retry_seconds, give_up, self._random)
        if not await note_delivery(self._database, delivery, attempt, verdict):
            log.warning("webhook_note_came_late", delivery_id=delivery.delivery_id, attempt=delivery.attempt)
            return
        self._tallies.webhooks[RESULTS[verdict.status]] += 1
        _tell(delivery, attempt, verdict.status)
        if self._receivers.is_dead(delivery.target):
            await expire_deliveries(self._database, delivery, give_up, given_up(attempt, give_up))

    async def _forget(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._forget_at:
            self._forget_at = now + FORGET_SECONDS
            await forget_deliveries(self._database, self._settings.webhook_history_days)

    async def _sleep(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), timeout=seconds)
        except TimeoutError:
            return


def _tell(delivery: Delivery, attempt: Attempt, status: DeliveryStatus) -> None:
    known = {
        "delivery_id": delivery.delivery_id, "execution_id": delivery.execution_id, "receiver": delivery.target,
        "attempt": delivery.attempt, "status": attempt.status,
    }  # fmt: skip
    if status is DeliveryStatus.DELIVERED:
        log.info("webhook_delivered", **known)
    else:
        log.warning("webhook_dead" if status is DeliveryStatus.DEAD else "webhook_failed", **known, error=attempt.error)
