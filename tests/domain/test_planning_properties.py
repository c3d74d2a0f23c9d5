"""Whatever a schedule is, whenever somebody looks and whatever is open then: its answers tile the time.

A small world: schedules of every kind are looked at now and then, with some executions open. Each example is judged by
walking through all occurrences one by one, which planning itself never does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rowcall.domain.executions import ExecutionStatus
from rowcall.domain.planning import BEGINNING, Answer, OpenExecutions, Plan, plan, plan_unroutable, run_moment
from rowcall.domain.schedules import Coalesce, OverlapPolicy, Schedule
from rowcall.domain.settling import settle
from rowcall.domain.triggers import CronTrigger, IntervalTrigger, OneTimeTrigger, Trigger, Window, next_occurrence
from tests.domain.timeline import HOUR, MINUTE, SECOND, TICK, a_schedule, at, carried_out

RAN = {"RUNNING", "QUEUED"}

moments = st.timedeltas(0 * SECOND, 12 * HOUR).map(lambda since: at("06:00") + since)
recurring = st.one_of(
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 * * * *", "5,6,59 8-20 * * *"]).map(CronTrigger),
    st.builds(IntervalTrigger, st.sampled_from([20, 90, 3600]), moments),
)
triggers = st.one_of(
    recurring,
    st.builds(OneTimeTrigger, moments),
    st.builds(
        Window, recurring, st.none() | st.sampled_from([at("07:00"), at("10:00")]), st.none() | st.just(at("16:00"))
    ),
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    schedule = a_schedule(
        draw(triggers),
        answered=None,
        jitter_seconds=draw(st.sampled_from([0, 0, 30, 1800])),
        grace=timedelta(seconds=draw(st.sampled_from([0, 60, 900, 7200]))),
        coalesce=draw(st.sampled_from(Coalesce)),
        catch_up_limit=draw(st.integers(1, 5)),
        overlap_policy=draw(st.sampled_from(OverlapPolicy)),
        max_instances=draw(st.integers(1, 3)),
        max_executions=draw(st.none() | st.integers(1, 8)),
    )
    new = settle(schedule, [])
    return replace(schedule, next_occurrence_at=new.next_occurrence_at, next_run_at=new.next_run_at)


@dataclass(frozen=True)
class Look:
    """Somebody looks: so long after the schedule fell due, with so much of it open; or only for what is unroutable."""

    late: timedelta
    opened: OpenExecutions
    can_run_it: bool


open_executions = st.builds(
    lambda waiting, others, requested: OpenExecutions(
        waiting + others + requested, waiting, 7 if waiting + others + requested else None, requested
    ),
    st.sampled_from([0, 0, 0, 1, 4]),
    st.integers(0, 3),
    st.sampled_from([0, 0, 0, 1, 4]),
)
lateness = st.one_of(st.just(0 * SECOND), st.timedeltas(0 * SECOND, 2 * MINUTE), st.timedeltas(0 * SECOND, 3 * HOUR))
looks = st.lists(st.builds(Look, lateness, open_executions, st.sampled_from([True, True, True, False])), max_size=8)


def lived_through(schedule: Schedule, events: list[Look]) -> Iterator[tuple[Schedule, Look, datetime, Plan]]:
    """Each plan, with the schedule as it was, the look and its moment; until the schedule is over."""
    now = schedule.created_at
    for look in events:
        if schedule.next_run_at is None:
            return
        now = max(now, schedule.next_run_at) + look.late
        reason = "unroutable"
        planned = plan(schedule, look.opened, now) if look.can_run_it else plan_unroutable(schedule, now, reason)
        if planned is not None:
            yield schedule, look, now, planned
            schedule = carried_out(schedule, planned)


def stood_for(schedule: Schedule, answer: Answer) -> list[datetime]:
    """The occurrences that an answer stands for, walked through one by one."""
    return occurrences(schedule.trigger, answer.covers_after or before_all(schedule), answer.scheduled_for)


def before_all(schedule: Schedule) -> datetime:
    """The instant before the first occurrence that a schedule without a past owes."""
    first = settle(schedule, []).next_occurrence_at
    return schedule.created_at if first is None else first - TICK


def occurrences(trigger: Trigger, after: datetime, until: datetime) -> list[datetime]:
    found: list[datetime] = []
    while (moment := next_occurrence(trigger, found[-1] if found else after)) is not None and moment <= until:
        found.append(moment)
    return found


worlds = given(schedules(), looks)
quickly = settings(max_examples=60, deadline=None)


@quickly
@worlds
def test_every_occurrence_is_answered_exactly_once_in_one_chain(schedule: Schedule, events: list[Look]) -> None:
    answers: list[Answer] = []
    planned = None
    for _, _, _, planned in lived_through(schedule, events):
        answers += planned.answers

    moments = [answer.scheduled_for for answer in answers]
    assert [answer.covers_after for answer in answers] == [None, *moments][: len(moments)]
    told = [occurrence for answer in answers for occurrence in stood_for(schedule, answer)]
    last = moments[-1] if moments else BEGINNING
    assert told == occurrences(schedule.trigger, before_all(schedule), last)
    assert set(moments) <= set(told)
    if planned is not None and planned.completed_because is None:
        assert planned.next_occurrence_at == next_occurrence(schedule.trigger, max(last, before_all(schedule)))


@quickly
@worlds
def test_what_is_answered_was_due_and_nothing_due_is_left(schedule: Schedule, events: list[Look]) -> None:
    for was, look, now, planned in lived_through(schedule, events):
        assert planned.answers
        assert all(run_moment(was, answer.scheduled_for) <= now for answer in planned.answers)
        if planned.next_run_at is not None and look.can_run_it:
            assert planned.next_run_at > now
        assert (planned.next_run_at is None) == (planned.completed_because is not None)


@quickly
@worlds
def test_what_runs_is_within_its_grace_and_what_is_past_it_is_missed(schedule: Schedule, events: list[Look]) -> None:
    for was, _, now, planned in lived_through(schedule, events):
        for answer in planned.answers:
            late = [now - run_moment(was, each) > was.grace for each in stood_for(was, answer)]
            if answer.status == "MISSED":
                assert all(late) or (answer.reason or "").startswith("catch_up_limit")
            else:
                assert not any(late)


@quickly
@worlds
def test_a_run_stands_for_one_occurrence_or_for_the_late_ones_of_one_look(
    schedule: Schedule, events: list[Look]
) -> None:
    for was, _, _, planned in lived_through(schedule, events):
        ran = [answer for answer in planned.answers if answer.status in RAN]
        if was.coalesce is Coalesce.ALL:
            assert all(len(stood_for(was, answer)) == 1 for answer in ran)
            assert len(ran) <= was.catch_up_limit
        else:
            assert len(ran) <= 1
        assert sum(answer.status == "MISSED" for answer in planned.answers) <= 1
        assert [answer.status for answer in ran].count(ExecutionStatus.RUNNING) <= 1
        assert all(answer.status == "QUEUED" for answer in ran[1:])


@quickly
@worlds
def test_runs_are_counted_exactly_and_never_exceed_the_limit(schedule: Schedule, events: list[Look]) -> None:
    ran = 0
    for was, _, _, planned in lived_through(schedule, events):
        ran += sum(answer.status in RAN for answer in planned.answers)
        assert was.scheduled_runs + planned.counted_runs == ran
        if was.max_executions is not None:
            assert ran <= was.max_executions
            assert (ran == was.max_executions) == (planned.completed_because or "").startswith("limit")


@quickly
@worlds
def test_nothing_starts_beyond_max_instances_and_what_does_not_run_says_why(
    schedule: Schedule, events: list[Look]
) -> None:
    for was, look, _, planned in lived_through(schedule, events):
        for answer in planned.answers:
            assert (answer.reason is None) == (answer.status in RAN)
            assert answer.status != "RUNNING" or look.opened.count < was.max_instances
