"""The late lane of one worker: its share, its rate, and the turn that keeps it from starving."""

from __future__ import annotations

import pytest

from rowcall.domain.catching_up import TURN, CatchUp


def catch_up(slots: int = 10, share: float = 0.5, per_second: float = 0.0) -> CatchUp:
    return CatchUp(slots, after_seconds=30, share=share, per_second=per_second)


def test_late_work_may_hold_its_share_of_the_slots() -> None:
    lanes = [catch_up().lane(held, 0) for held in (0, 3, 5, 7)]
    assert [(lane.after_seconds, lane.most) for lane in lanes] == [(30, 5), (30, 2), (30, 0), (30, 0)]


@pytest.mark.parametrize(("slots", "share", "places"), [(1, 0.5, 1), (1, 0.01, 1), (3, 0.5, 1), (10, 1.0, 10)])
def test_the_share_is_at_least_one_slot(slots: int, share: float, places: int) -> None:
    assert catch_up(slots, share).lane(0, 0).most == places


def test_where_nothing_else_is_planned_it_may_have_all() -> None:
    assert catch_up().lane(9, 0).alone == 10


def test_the_rate_allows_a_second_of_it_at_once_and_then_as_much_as_time_goes_by() -> None:
    pacing = catch_up(100, 1.0, per_second=4)
    assert (pacing.lane(0, 100.0).most, pacing.pause()) == (4, None)
    pacing.took(4, 0, late_is_left=True)
    assert (pacing.lane(0, 100.0).most, pacing.pause()) == (0, 0.25)
    assert pacing.lane(0, 100.5).most == 2
    assert pacing.lane(0, 900.0).alone == 4


def test_a_rate_below_one_a_second_still_lets_one_through() -> None:
    pacing = catch_up(per_second=0.1)
    assert pacing.lane(0, 0).most == 1
    pacing.took(1, 0, late_is_left=True)
    assert (pacing.lane(0, 5.0).most, pacing.pause()) == (0, 5.0)
    assert pacing.lane(0, 10.0).most == 1


def test_without_a_rate_there_is_never_a_pause() -> None:
    pacing = catch_up()
    pacing.took(5, 0, late_is_left=True)
    assert pacing.pause() is None


def test_what_is_passed_by_again_and_again_has_its_turn() -> None:
    pacing = catch_up(1)
    taken = []
    for _ in range(3 * TURN):
        late = pacing.lane(0, 0).ahead
        pacing.took(late, 1 - late, late_is_left=True)
        taken.append(late)
    assert taken == ([0] * (TURN - 1) + [1]) * 3


def test_turns_are_not_saved_up_while_nothing_is_late() -> None:
    pacing = catch_up()
    pacing.took(0, 1000, late_is_left=False)
    assert pacing.lane(0, 0).ahead == 0


def test_turns_never_exceed_the_share() -> None:
    pacing = catch_up()
    pacing.took(0, 100_000, late_is_left=True)
    assert [pacing.lane(held, 0).ahead for held in (0, 4, 5)] == [5, 1, 0]
