"""How long before its moment a start is begun, by how long that took lately."""

import pytest

from rowcall.store.lead import EARLY_SECONDS, MARGIN, REMEMBERED, Allowance, Lead


def test_what_is_allowed_is_the_longest_of_late_and_half_as_much_again() -> None:
    allowance = Allowance(least=0.005, most=0.03)
    assert allowance.seconds == 0.005
    allowance.took(0.01)
    assert allowance.seconds == pytest.approx(MARGIN * 0.01)
    allowance.took(0.002)
    assert allowance.seconds == pytest.approx(MARGIN * REMEMBERED * 0.01)


def test_what_is_allowed_has_limits() -> None:
    allowance = Allowance(least=0.005, most=0.03)
    allowance.took(3600)
    assert allowance.seconds == 0.03
    for _ in range(200):
        allowance.took(0)
    assert allowance.seconds == 0.005


def test_a_look_that_something_else_has_woken_says_nothing_about_timers() -> None:
    lead = Lead()
    lead.saw(1e9)
    assert lead.sight.seconds == Lead().sight.seconds


def test_what_a_timer_told_counts_once() -> None:
    lead = Lead(rang_at=0.0)
    lead.saw(1e9)
    lead.sight = Allowance(least=0.007, most=0.03)
    lead.saw(1e9)
    assert lead.sight.seconds == 0.007


def test_a_look_may_begin_a_timers_inexactness_before_its_lead() -> None:
    lead = Lead()
    assert lead.patience_seconds == pytest.approx(lead.sight.seconds + lead.start.seconds + EARLY_SECONDS)
