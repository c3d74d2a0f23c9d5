"""What is asked of rules ahead of time is not asked again when they are due."""

from __future__ import annotations

from datetime import datetime, timedelta

from rowcall.domain import occurrences
from rowcall.domain.occurrences import next_occurrence
from rowcall.domain.straight import foresee
from rowcall.domain.triggers import trigger_of
from rowcall.store.database import Database
from rowcall.store.planning import plan_schedules
from rowcall.worker.foresight import Foresight
from rowcall.worker.holdings import Holdings
from tests.worker.schedules import Schedules

POLL_SECONDS = 30.0


async def soon(database: Database) -> datetime:
    now: datetime = await database.fetchval("now")
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def rule_at(moment: datetime, note: int) -> str:
    """A rule of its own that fires at this minute, and in another month besides."""
    return (
        f"{moment.minute} {moment.hour} * {moment.month},{moment.month % 12 + 1} {moment.isoweekday() % 7},{note % 7}"
    )


async def foreseen(database: Database, schedules: Schedules, task_type: str, expression: str, moment: datetime) -> bool:
    """Whether a look ahead for one task type has asked this rule; the schedule offers another one."""
    await schedules.insert(task_type, cron_expression=expression)
    await plan_schedules(database)
    asked = _asked()
    await Foresight(database, ["mine"], Holdings(1), POLL_SECONDS).look_ahead()
    looked = _asked()
    foresee(expression, "UTC", moment)
    assert looked > asked or _asked() > looked, "nobody has asked this rule before"
    return _asked() == looked


def _asked() -> int:
    """How many questions had to be worked out so far."""
    return occurrences._remembered.cache_info().misses


async def test_what_is_due_soon_is_asked_ahead(database: Database, schedules: Schedules) -> None:
    moment = await soon(database)
    assert await foreseen(database, schedules, "mine", rule_at(moment, 1), moment)


async def test_what_this_worker_cant_run_is_left_to_others(database: Database, schedules: Schedules) -> None:
    moment = await soon(database)
    assert not await foreseen(database, schedules, "another", rule_at(moment, 2), moment)


async def test_what_is_due_later_is_left_for_later(database: Database, schedules: Schedules) -> None:
    moment = await soon(database) + timedelta(hours=2)
    assert not await foreseen(database, schedules, "mine", rule_at(moment, 3), moment)


async def test_a_foreseen_answer_is_the_triggers_own(database: Database) -> None:
    moment = await soon(database)
    expression = rule_at(moment, 4)
    trigger = trigger_of(
        schedule_type="cron", cron_expression=expression, cron_fields=None, interval_seconds=None, scheduled_time=None,
        timezone="Europe/Berlin", starts_at=None, ends_at=None, created_at=moment,
    )  # fmt: skip
    assert foresee(expression, "Europe/Berlin", moment) == next_occurrence(trigger, moment)


async def test_it_gives_way_to_work(database: Database, schedules: Schedules) -> None:
    moment = await soon(database)
    expression = rule_at(moment, 5)
    await schedules.insert("mine", cron_expression=expression)
    await plan_schedules(database)
    busy = Holdings(1)
    busy.running[1] = object()  # type: ignore[assignment] # whatever it is, it is work in hand
    asked = _asked()
    await Foresight(database, ["mine"], busy, POLL_SECONDS).look_ahead()
    assert _asked() == asked
