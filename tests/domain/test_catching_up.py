"""The late lane of one worker: its share, its rate, and the turn that keeps it from starving."""

from __future__ import annotations

import pytest

from rowcall.domain.catching_up import TURN, CatchUp, triage_begins


def catch_up(slots: int = 10, share: float = 0.5, per_second: float = 0.0) -> CatchUp:
    return CatchUp(slots, after_seconds=30, share=share, per_second=per_second)


def test_late_work_may_hold_its_share_of_the_slots() -> None:
    lanes = [catch_up().lane(held, 0) for held in (0, 3, 5, 7)]
    assert [(lane.after_seconds, lane.most) for lane in lanes] == [(30, 5), (30, 2), (30, 0), (30, 0)]


@pytest.mark.parametrize(("slots", "share", "places"), [(1, 0.5, 1), (1, 0.01, 1), (3, 0.5, 1), (10, 1.0, 10)])
def test_the_share_is_at_least_one_slot(slots: int, share: float, places: int) -> None:
    assert catch_up(slots, share).lane(0, 0).most == places


def test_the_rate_allows_a_second_of_it_at_once_and_then_as_much_as_time_goes_by() -> None:
    pacing = catch_up(100, 1.0, per_second=4)
    assert pacing.lane(0, 100.0).most == 4
    pacing.took(4, 0, late_is_left=True)
    assert (pacing.lane(0, 100.0).most, pacing.pause(100.0)) == (0, 0.25)
    assert pacing.lane(0, 100.5).most == 2
    assert pacing.lane(0, 900.0).most == 4


def test_a_rate_below_one_a_second_still_lets_one_through() -> None:
    pacing = catch_up(per_second=0.1)
    assert pacing.lane(0, 0).most == 1
    pacing.took(1, 0, late_is_left=True)
    assert pacing.lane(0, 5.0).most == 0
    assert pacing.lane(0, 10.0).most == 1


def test_while_late_work_may_take_no_more_some_of_it_is_sorted_once_a_second() -> None:
    pacing = catch_up()
    assert pacing.lane(4, 1.0).triage is None
    assert (pacing.lane(5, 1.0).triage, pacing.pause(1.25)) == (0, 0.75)
    assert pacing.lane(5, 1.9).triage is None
    assert pacing.lane(5, 2.0).triage == 1


def test_a_triage_begins_at_the_oldest_of_each_lane_in_turn_and_then_anywhere() -> None:
    begins = [triage_begins(triage, 3) for triage in range(120)]
    assert [lane for lane, _ in begins] == [0, 1, 2] * 40
    assert {where for turn in range(0, 40, 2) for _, where in begins[3 * turn : 3 * turn + 3]} == {0.0}
    anywhere = sorted(begins[3 * turn][1] for turn in range(1, 40, 2))
    fifths = [int(where * 5) for where in anywhere]
    assert all(3 <= fifths.count(fifth) <= 5 for fifth in range(5)), anywhere


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
