"""Webhooks: the id that a delivery keeps for ever, what follows from an answer, and when to try again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

GROWTH = 5
LONGEST_WAIT_SECONDS = 6 * 3600.0
GONE = 410
ASKS_TO_WAIT = frozenset({429, 503})


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try went: the status of the answer, or None and an error.

    `sent` is False where the fault is on this side; `final` says that trying again is of no use.
    """

    status: int | None
    error: str | None
    seconds: float
    retry_after_seconds: float | None = None
    sent: bool = True
    final: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def reached_nobody(self) -> bool:
        """Whether the receiver is in trouble, so that there is little use in calling it again at once."""
        return self.sent and (self.status is None or self.status >= 500 or self.status == 429)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows: the delivery's status, why it is dead, and how long to wait where it is not over."""

    status: DeliveryStatus
    reason: str | None = None
    wait_seconds: float = 0.0


def webhook_id(installation_id: str, delivery_id: int) -> str:
    """The id of a delivery, the same at every try: receivers tell by it what they had before."""
    return f"msg_{installation_id}_{delivery_id}"


def judge(
    attempt: Attempt, age_seconds: float, first_wait_seconds: float, give_up_seconds: float, random: Random
) -> Verdict:
    """What follows from an attempt. `age_seconds` is how long it has been tried when this one was made."""
    if attempt.delivered:
        return Verdict(DeliveryStatus.DELIVERED)
    if attempt.final:
        return Verdict(DeliveryStatus.DEAD, attempt.error)
    if attempt.status == GONE:
        return Verdict(DeliveryStatus.DEAD, "the receiver answered 410 Gone: it wants to hear no more")
    wait = wait_seconds(age_seconds, first_wait_seconds, random)
    if attempt.status in ASKS_TO_WAIT and attempt.retry_after_seconds is not None:
        wait = max(wait, min(attempt.retry_after_seconds, LONGEST_WAIT_SECONDS))
    if age_seconds + wait > give_up_seconds:
        return Verdict(DeliveryStatus.DEAD, given_up(attempt, give_up_seconds))
    return Verdict(DeliveryStatus.PENDING, wait_seconds=wait)


def given_up(attempt: Attempt, give_up_seconds: float) -> str:
    """Why what waits for this receiver is given up."""
    return f"not delivered within {give_up_seconds:g} s (ROWCALL_WEBHOOK_GIVE_UP_SECONDS); at last: {attempt.error}"


def wait_seconds(age_seconds: float, first_wait_seconds: float, random: Random) -> float:
    """Five times what has passed, spread by a fifth either way: 5 s, 30 s, 3 min, 18 min, 2 h, 6 h, 6 h."""
    wait = min(max(first_wait_seconds, GROWTH * age_seconds), LONGEST_WAIT_SECONDS)
    return wait * (0.8 + 0.4 * random.random())


def allot(
    due: Sequence[str], busy: Mapping[str, int], failing: Collection[str], room: int, slots: int
) -> dict[str, int]:
    """How many deliveries to take for which receivers that something is due for.

    One receiver has half of the `slots` at most, so that a slow one leaves room. One that fails has a single one, and
    all that fail together no more than half: however many are dead, the others are served.
    """
    share: dict[str, int] = {}
    left_for_failing = slots // 2 - sum(count for target, count in busy.items() if target in failing)
    while room > 0:
        before = room
        for target in due:
            has = busy.get(target, 0) + share.get(target, 0)
            is_failing = target in failing
            if room == 0 or has >= (1 if is_failing else max(1, slots // 2)):
                continue
            if is_failing:
                if left_for_failing <= 0:
                    continue
                left_for_failing -= 1
            share[target] = share.get(target, 0) + 1
            room -= 1
        if room == before:
            break
    return share
