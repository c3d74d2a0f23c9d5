"""Webhooks: what follows from an answer, how long to wait, and whose turn it is."""

from random import Random

import pytest

from rowcall.domain.webhooks import Attempt, DeliveryStatus, Verdict, allot, judge, wait_seconds

DAY = 86400.0


class Middle(Random):
    """Draws neither low nor high."""

    def random(self) -> float:
        return 0.5


def verdict(attempt: Attempt, age: float = 0.0) -> Verdict:
    return judge(attempt, age, 5.0, DAY, Middle())


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    assert verdict(Attempt(status, None, 0.1)) == Verdict(DeliveryStatus.DELIVERED)


@pytest.mark.parametrize("status", [None, 100, 301, 302, 400, 401, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    assert verdict(Attempt(status, "no", 0.1)) == Verdict(DeliveryStatus.PENDING, wait_seconds=5.0)


def test_gone_and_what_may_not_be_called_are_dead_at_once() -> None:
    gone = verdict(Attempt(410, "answered 410", 0.1))
    assert gone.status is DeliveryStatus.DEAD
    assert "410 Gone" in str(gone.reason)
    refused = verdict(Attempt(None, "not allowed: ROWCALL_HTTP_ALLOW", 0.0, sent=False, final=True))
    assert refused == Verdict(DeliveryStatus.DEAD, "not allowed: ROWCALL_HTTP_ALLOW")


def test_waits_grow_fivefold_over_hours() -> None:
    age, waits = 0.0, []
    while age < DAY:
        waits.append(wait_seconds(age, 5.0, Middle()))
        age += waits[-1]
    assert [round(wait) for wait in waits] == [5, 25, 150, 900, 5400, 21600, 21600, 21600, 21600]


def test_waits_are_spread_by_a_fifth() -> None:
    waits = {wait_seconds(100, 5.0, Random(seed)) for seed in range(200)}
    assert 400 <= min(waits) < 420
    assert 580 < max(waits) <= 600


def test_what_is_given_up_says_after_how_long_and_what_came_last() -> None:
    dead = verdict(Attempt(503, "answered 503; it said: closed", 0.1), age=DAY - 60)
    assert dead.status is DeliveryStatus.DEAD
    assert "86400 s (ROWCALL_WEBHOOK_GIVE_UP_SECONDS)" in str(dead.reason)
    assert "it said: closed" in str(dead.reason)


@pytest.mark.parametrize(
    ("status", "asked", "wait"), [(429, 60.0, 60.0), (503, 1.0, 5.0), (503, 1e8, 21600.0), (500, 60.0, 5.0)]
)
def test_a_receiver_may_ask_for_a_longer_wait(status: int, asked: float, wait: float) -> None:
    assert verdict(Attempt(status, "no", 0.1, retry_after_seconds=asked)).wait_seconds == wait


@pytest.mark.parametrize(
    ("attempt", "in_trouble"),
    [
        (Attempt(None, "no answer", 1), True),
        (Attempt(500, "no", 1), True),
        (Attempt(429, "slow down", 1), True),
        (Attempt(404, "no", 1), False),
        (Attempt(204, None, 1), False),
        (Attempt(None, "there is no secret", 0, sent=False), False),
    ],
)
def test_a_receiver_is_in_trouble_where_it_can_not_answer_any_of_its_webhooks(
    attempt: Attempt, in_trouble: bool
) -> None:
    assert attempt.reached_nobody is in_trouble


def test_one_receiver_has_half_of_the_slots_at_most() -> None:
    assert allot(["a"], {}, (), room=20, slots=20) == {"a": 10}
    assert allot(["a"], {"a": 8}, (), room=12, slots=20) == {"a": 2}
    assert allot(["a", "b", "c"], {}, (), room=20, slots=20) == {"a": 7, "b": 7, "c": 6}


def test_those_that_fail_have_one_slot_each_and_half_of_them_together() -> None:
    failing = [f"dead-{n}" for n in range(100)]
    share = allot([*failing, "alive"], {}, failing, room=20, slots=20)
    assert share["alive"] == 10
    assert sum(share[target] for target in failing if target in share) == 10
    assert set(share.values()) == {1, 10}
    assert allot(["dead-1"], {"dead-1": 1}, failing, room=19, slots=20) == {}
    assert allot(failing, {f"dead-{n}": 1 for n in range(10)}, failing, room=10, slots=20) == {}


def test_there_is_room_for_someone_even_with_a_single_slot() -> None:
    assert allot(["a", "b"], {}, (), room=1, slots=1) == {"a": 1}
    assert allot([], {}, (), room=5, slots=5) == {}
