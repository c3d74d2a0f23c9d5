"""Definitions: what is given becomes columns, or every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from rowcall.domain.definitions import Defaults, Definition, define, merged
from rowcall.domain.errors import InvalidInput

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOURLY = {"task_type": "report", "cron_expression": "0 * * * *"}


def defined(fields: Mapping[str, Any], **options: Any) -> Definition:
    return define(fields, **{"now": NOW, **options})


def faults(fields: Mapping[str, Any], **options: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        defined(fields, **options)
    return {fault.field: fault.message for fault in caught.value.faults}


# ── what is right ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_left_out_takes_the_defaults() -> None:
    definition = defined(HOURLY, defaults=Defaults(timezone="Europe/London", max_retries=7))

    assert (definition.schedule_type, definition.timezone, definition.max_retries) == ("cron", "Europe/London", 7)
    assert (definition.priority, definition.overlap_policy, definition.catch_up_limit) == (5, "skip", 100)
    assert (definition.client_id, definition.name, definition.input_data, definition.labels) == (
        "default",
        None,
        {},
        {},
    )


def test_null_is_as_if_left_out() -> None:
    assert defined({**HOURLY, "priority": None, "labels": None, "interval_seconds": None}) == defined(HOURLY)


@pytest.mark.parametrize(
    ("rule", "schedule_type"),
    [
        ({"cron_expression": "@daily"}, "cron"),
        ({"cron_fields": {"hour": 9}}, "cron"),
        ({"interval_seconds": 60}, "interval"),
        ({"minutes": 1}, "interval"),
        ({"scheduled_time": "2030-01-02T00:00:00Z"}, "one_time"),
    ],
)
def test_the_schedule_type_follows_from_the_rule(rule: dict[str, Any], schedule_type: str) -> None:
    assert defined({"task_type": "report", **rule}).schedule_type == schedule_type


def test_an_interval_may_come_in_parts() -> None:
    parts = {"weeks": 1, "days": 2, "hours": 3, "minutes": 4, "seconds": 5}
    assert defined({"task_type": "report", **parts}).interval_seconds == 604800 + 2 * 86400 + 3 * 3600 + 4 * 60 + 5


def test_a_time_without_offset_is_read_in_the_schedules_zone() -> None:
    fields = {"task_type": "report", "scheduled_time": "2030-07-01T09:00", "timezone": "Europe/London"}
    assert defined(fields).scheduled_time == datetime(2030, 7, 1, 8, tzinfo=UTC)


def test_a_time_with_offset_is_the_instant_it_names() -> None:
    fields = {"task_type": "report", "scheduled_time": "2030-07-01T09:00+02:00", "timezone": "Europe/London"}
    assert defined(fields).scheduled_time == datetime(2030, 7, 1, 7, tzinfo=UTC)


def test_code_may_give_moments_as_datetimes() -> None:
    definition = defined({**HOURLY, "starts_at": datetime(2030, 2, 1, tzinfo=UTC), "ends_at": datetime(2030, 3, 1)})  # noqa: DTZ001 - local time
    assert (definition.starts_at, definition.ends_at) == (
        datetime(2030, 2, 1, tzinfo=UTC),
        datetime(2030, 3, 1, tzinfo=UTC),
    )


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert defined({**HOURLY, "priority": 7.0}).priority == 7


# ── what is wrong ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_fault_is_told_at_once() -> None:
    found = faults(
        {
            "task_type": "reprot",
            "cron_expression": "0 0 9 * * *",
            "timezone": "Europe/Lodnon",
            "name": "a/b",
            "priority": 11,
            "max_retries": True,
            "labels": {"team": 1},
            "input_data": {"deep": ["\0"], "huge": 10**30},
            "starts_at": "soon",
            "prioritty": 1,
        },
        known_tasks={"report", "email"},
    )

    assert set(found) == {
        "task_type",
        "cron_expression",
        "timezone",
        "name",
        "priority",
        "max_retries",
        "labels.team",
        "input_data.deep.0",
        "input_data.huge",
        "starts_at",
        "prioritty",
    }


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"priority": "5"}, "priority", "a whole number is needed, not '5'"),
        ({"priority": 0}, "priority", "must be at least 1, not 0"),
        ({"priority": 1.5}, "priority", "not 1.5"),
        ({"max_executions": 0}, "max_executions", "at least 1"),
        ({"max_executions": 2**63}, "max_executions", "64 bits"),
        ({"timeout_seconds": 0}, "timeout_seconds", "above 0"),
        ({"timeout_seconds": True}, "timeout_seconds", "a number is needed, not true"),
        ({"retry_backoff_seconds": 3601}, "retry_backoff_seconds", "at most 3600"),
        ({"coalesce": "some"}, "coalesce", "'latest' or 'all', not 'some'"),
        ({"overlap_policy": []}, "overlap_policy", "not a list"),
        ({"description": "x" * 4001}, "description", "at most 4000 characters, not 4001"),
        ({"name": "x" * 201}, "name", "at most 200 characters"),
        ({"name": ""}, "name", "at least 1"),
        ({"name": "12345"}, "name", "digits only"),
        ({"name": "a\nb"}, "name", "one line"),
        ({"name": " a"}, "name", "without spaces around it"),
        ({"client_id": "a\x1b[0m"}, "client_id", "one line"),
        ({"task_type": "a b"}, "task_type", "without spaces"),
        ({"task_type": "a@b"}, "task_type", "without @"),
        ({"capability_required": "gpu@v1"}, "capability_required", "without @"),
        ({"labels": {str(n): "" for n in range(65)}}, "labels", "at most 64 entries"),
        ({"labels": []}, "labels", "an object is needed, not a list"),
        ({"labels": {"a": "\ud800"}}, "labels.a", "surrogate"),
        ({"input_data": "text"}, "input_data", "an object is needed"),
        ({"input_data": {"a": "x" * 300_000}}, "input_data", "at most 262144 bytes"),
        ({"input_data": {"a": float("inf")}}, "input_data.a", "double"),
        ({"input_data": {"a": [date(2030, 1, 1)]}}, "input_data.a.0", "is a date, which JSON does not have"),
        ({"input_data": {"a": (NOW,)}}, "input_data.a.0", "is a datetime, which JSON does not have"),
        ({"input_data": {"a": Decimal(1)}}, "input_data.a", "is a Decimal, which JSON does not have"),
        ({"input_data": {"a": {1: 2}}}, "input_data.a", "holds a name that is 1; names are text"),
        ({"callback_url": "ftp://host/"}, "callback_url", "must be a URL"),
        ({"callback_url": "https://user:pw@host/"}, "callback_url", "no user and password"),
        ({"callback_url": "https://[::1"}, "callback_url", "must be a URL"),
        ({"callback_events": []}, "callback_events", "at least 1"),
        ({"callback_events": ["LOST", "LOST"]}, "callback_events", "each status once"),
        ({"scheduled_at": "2031-01-01"}, "scheduled_at", "no such field; did you mean 'scheduled_time'?"),
        ({"cron": "* * * * *"}, "cron", "did you mean 'cron_expression'?"),
        ({"\ud800": 1}, "\\ud800", "surrogate"),
        ({"starts_at": 5}, "starts_at", "a date and time is needed"),
        ({"starts_at": "0001-01-01"}, "starts_at", "1970 to 9000"),
        ({"ends_at": "2029-01-01"}, "ends_at", "no occurrence lies ahead"),
        ({"starts_at": "2031-01-01", "ends_at": "2030-06-01"}, "ends_at", "before starts_at"),
    ],
)
def test_a_field_that_can_not_be_used_is_named(fields: dict[str, Any], field: str, told: str) -> None:
    found = faults({**HOURLY, **fields})
    assert list(found) == [field]
    assert told in found[field]


@pytest.mark.parametrize(
    ("rule", "field", "told"),
    [
        ({}, "schedule_type", "exactly one of cron_expression, cron_fields, interval_seconds, scheduled_time"),
        ({"schedule_type": "cron"}, "cron_expression", "exactly one of cron_expression, cron_fields"),
        ({"schedule_type": "interval", "cron_expression": "@daily"}, "cron_expression", "belongs to no interval"),
        ({"cron_expression": "@daily", "interval_seconds": 5}, "interval_seconds", "only one rule is possible"),
        ({"interval_seconds": 0}, "interval_seconds", "at least 1"),
        ({"hours": 0}, "hours", "the parts make 0 s"),
        ({"weeks": 5_000_000}, "weeks", "from 1 to"),
        ({"hours": 1, "interval_seconds": 5}, "hours", "either interval_seconds or its parts"),
        ({"cron_fields": {"hour": 25}}, "cron_fields.hour", "outside 0-23"),
        ({"cron_fields": []}, "cron_fields", "an object is needed, not a list"),
        ({"cron_expression": "0 0 31 2 *"}, "cron_expression", "no date"),
        ({"cron_fields": {"year": 2029}}, "cron_fields", "no occurrence lies ahead"),
        ({"scheduled_time": "2030-01-01T12:00:00Z"}, "scheduled_time", "must lie in the future"),
        ({"scheduled_time": "tomorrow"}, "scheduled_time", "a date and time is needed"),
        ({"scheduled_time": "9999-12-31T23:59:59-12:00"}, "scheduled_time", "beyond"),
    ],
)
def test_a_rule_that_can_not_be_used_is_named(rule: dict[str, Any], field: str, told: str) -> None:
    found = faults({"task_type": "report", **rule})
    assert field in found
    assert told in found[field]


def test_allow_needs_room_for_a_second_instance() -> None:
    assert "must be above 1" in faults({**HOURLY, "overlap_policy": "allow"})["max_instances"]
    assert defined({**HOURLY, "overlap_policy": "allow", "max_instances": 2}).max_instances == 2
    assert defined({**HOURLY, "overlap_policy": "allow"}, defaults=Defaults(max_instances=3)).max_instances == 3


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"interval_seconds": 3599}, "interval_seconds"),
        ({"minutes": 59}, "interval_seconds"),
        ({"cron_expression": "*/30 * * * *"}, "cron_expression"),
        ({"cron_expression": "0,59 9 * * *"}, "cron_expression"),
        ({"cron_fields": {"minute": "*/20"}}, "cron_fields"),
    ],
)
def test_nothing_runs_more_often_than_the_installation_allows(rule: dict[str, Any], field: str) -> None:
    hourly = Defaults(min_interval_seconds=3600)
    assert "allows 3600 s" in faults({"task_type": "report", **rule}, defaults=hourly)[field]
    assert defined(HOURLY, defaults=hourly).cron_expression == "0 * * * *"


@pytest.mark.parametrize("month", range(1, 13))
def test_whether_a_rule_is_slow_enough_does_not_hang_on_the_season(month: int) -> None:
    """A day of 23 hours lies ahead of some days of the year, and not of others."""
    daily = Defaults(min_interval_seconds=86400)
    now = datetime(2030, month, 20, 12, tzinfo=UTC)
    rule = {"task_type": "report", "timezone": "Europe/London"}
    for slow in ({"cron_expression": "0 9 * * *"}, {"cron_fields": {"hour": 9}}, {"cron_expression": "H H * * *"}):
        assert defined({**rule, **slow}, now=now, defaults=daily).timezone == "Europe/London"
    for fast in ({"cron_expression": "0 9,21 * * *"}, {"cron_fields": {"hour": "9,21"}}):
        assert "allows 86400 s" in str(faults({**rule, **fast}, now=now, defaults=daily))


def test_a_window_makes_no_rule_slower() -> None:
    """Measured in the window as it is in UTC, a rule of another zone would not run in it at all."""
    rule = {"task_type": "report", "cron_expression": "* 9 * * *", "timezone": "Asia/Tokyo"}
    window = {"starts_at": "2030-03-01T00:00:00Z", "ends_at": "2030-03-01T00:59:00Z"}
    told = faults({**rule, **window}, defaults=Defaults(min_interval_seconds=3600))
    assert "runs every 60 s at its closest" in told["cron_expression"]


# ── tasks ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_task_is_refused_and_the_known_ones_are_named() -> None:
    told = faults({**HOURLY, "task_type": "reprot"}, known_tasks={"report", "email"})["task_type"]
    assert "did you mean 'report'?" in told
    assert "email, report" in told
    assert "allow_unknown_task" in told


def test_an_unknown_task_is_taken_on_request() -> None:
    assert defined({**HOURLY, "allow_unknown_task": True}, known_tasks=set()).task_type == "report"


def test_where_no_task_is_known_a_worker_is_asked_for() -> None:
    assert "start a worker" in faults(HOURLY, known_tasks=[])["task_type"]


def test_the_list_of_known_tasks_is_cut() -> None:
    told = faults(HOURLY, known_tasks=[f"task-{n:03}" for n in range(500)])["task_type"]
    assert "and 480 more" in told


# ── changes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_keeps_what_it_does_not_name() -> None:
    before = defined({**HOURLY, "name": "n", "priority": 9, "labels": {"a": "b"}})
    after = defined(merged(before, {"description": "new"}), previous=before)
    assert (after.name, after.priority, after.labels, after.description) == ("n", 9, {"a": "b"}, "new")


def test_null_puts_a_field_back_to_its_default_but_never_takes_the_name() -> None:
    before = defined({**HOURLY, "name": "n", "client_id": "acme", "priority": 9, "description": "old"})
    after = defined(merged(before, {"priority": None, "description": None, "name": None, "client_id": None}))
    assert (after.priority, after.description, after.name, after.client_id) == (5, None, "n", "acme")


@pytest.mark.parametrize(
    "rule",
    [
        {"cron_fields": {"hour": 9}},
        {"interval_seconds": 90},
        {"minutes": 2},
        {"scheduled_time": "2031-01-01T00:00:00Z"},
        {"cron_expression": "@daily"},
    ],
)
def test_a_new_rule_takes_the_place_of_the_old_one(rule: dict[str, Any]) -> None:
    for old in ({"cron_expression": "0 * * * *"}, {"cron_fields": {"minute": 5}}, {"interval_seconds": 60}):
        before = defined({"task_type": "report", **old})
        assert defined(merged(before, rule)).rule() == defined({"task_type": "report", **rule}).rule()


def test_a_rule_can_not_be_taken_away() -> None:
    assert "no rule was given" in faults(merged(defined(HOURLY), {"cron_expression": None}))["cron_expression"]


def test_a_moment_that_has_passed_stays_valid_while_it_is_not_changed() -> None:
    once = defined({"task_type": "report", "scheduled_time": "2030-01-02T00:00:00Z"})
    later = datetime(2031, 1, 1, tzinfo=UTC)

    kept = define(merged(once, {"description": "done"}), now=later, previous=once)
    assert kept.scheduled_time == once.scheduled_time
    with pytest.raises(InvalidInput, match="must lie in the future"):
        define(merged(once, {"scheduled_time": "2030-01-03T00:00:00Z"}), now=later, previous=once)


def test_a_task_that_is_gone_stays_valid_while_it_is_not_changed() -> None:
    before = defined(HOURLY)
    assert defined(merged(before, {"priority": 1}), known_tasks=[], previous=before).task_type == "report"
    assert "task_type" in faults(merged(before, {"task_type": "other"}), known_tasks=[], previous=before)


def test_a_change_of_an_interval_counts_from_the_creation_of_the_row() -> None:
    weekly = defined({"task_type": "report", "weeks": 1})
    window = merged(
        weekly, {"ends_at": "2030-01-03T00:00:00Z"}
    )  # NOW is 1 January: as a new one it would run on the 8th
    created_at = datetime(2029, 12, 26, 18, tzinfo=UTC)  # this one runs on the 2nd
    assert defined(window, previous=weekly, created_at=created_at).ends_at == datetime(2030, 1, 3, tzinfo=UTC)
    assert "never run" in faults(window, previous=weekly, created_at=NOW)["ends_at"]
    assert "never run" in faults(window)["ends_at"]
