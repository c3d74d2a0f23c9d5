"""Whatever happened to a schedule since its creation: every occurrence of every rule, in its time, is answered once."""

from datetime import datetime
from itertools import groupby, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from rowcall.domain.schedules import ScheduleStatus
from rowcall.domain.triggers import CronTrigger, IntervalTrigger, Trigger, next_occurrence
from tests.domain.timeline import MINUTE, at, settled

Happening = tuple[datetime, str, Trigger | None, str | None]

statuses = st.sampled_from([status.value for status in ScheduleStatus])
rules = st.sampled_from([CronTrigger("*/7 * * * *"), CronTrigger("0 * * * *"), IntervalTrigger(600, at("08:34")), None])
steps = st.integers(1, 90).map(lambda minutes: minutes * MINUTE)


@st.composite
def histories(draw: st.DrawFn) -> list[Happening]:
    """What was from when on, ending with a schedule that is ACTIVE and can be scheduled."""
    since, spans = at("08:30"), []
    for status, rule, step in draw(st.lists(st.tuples(statuses, rules, steps), max_size=6)):
        spans.append((since, status, rule, None))
        since += step
    return [*spans, (since, "ACTIVE", draw(rules.filter(bool)), None)]


def last_left_behind(rule: Trigger | None, since: datetime, until: datetime) -> datetime | None:
    """The last occurrence of a rule that was in force after `since` and up to `until`, walking from one to the next."""
    last = None
    while rule is not None and (moment := next_occurrence(rule, last or since)) is not None and moment <= until:
        last = moment
    return last


@settings(max_examples=120, deadline=None)
@given(histories())
def test_each_span_leaves_one_row_for_its_occurrences_and_the_present_rule_goes_on(history: list[Happening]) -> None:
    spans = [next(alike) for _, alike in groupby(history, key=lambda span: span[1:3])]
    since, _, rule, _ = spans[-1]
    assert rule is not None

    settlement = settled(*history, answered=None)

    left = [last_left_behind(before[2], before[0], after[0]) for before, after in pairwise(spans)]
    moments = [moment for moment in left if moment is not None]
    assert [answer.scheduled_for for answer in settlement.answers] == moments
    assert [answer.covers_after for answer in settlement.answers] == [None, *moments][: len(moments)]
    assert all(answer.status == "SKIPPED" and answer.reason for answer in settlement.answers)
    assert settlement.next_occurrence_at == next_occurrence(rule, since)
