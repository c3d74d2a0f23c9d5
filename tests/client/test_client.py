"""Every method of the client, with both faces, against a server that runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

import rowcall
from rowcall.client import (
    PreconditionFailed,
    WaitedTooLong,
    backfills,
    bulk,
    executions,
    overview,
    schedules,
    webhooks,
)
from rowcall.client.client import AsyncClient, Client
from rowcall.webapi.resources import OPERATIONS
from tests.client.support import ONCE_A_DAY, a_client, wait_until

DAILY = {"task_type": "quick", "cron_expression": "0 9 * * *"}


def test_a_schedule_is_created_read_changed_replaced_and_deleted(client: Any, name: str) -> None:
    created = client.schedules.create(name=name, priority=7, labels={"team": "a"}, **DAILY)
    assert (created.name, created.priority, created.labels) == (name, 7, {"team": "a"})
    assert created.etag is not None
    assert client.schedules.get(name) == created == client.schedules.get(created.schedule_id)

    changed = client.schedules.update(name, priority=None, interval_seconds=60)
    assert (changed.priority, changed.interval_seconds, changed.cron_expression) == (5, 60, None)

    replaced = client.schedules.replace(name, **DAILY)
    assert (replaced.schedule_id, replaced.labels, replaced.interval_seconds) == (created.schedule_id, {}, None)

    assert client.schedules.delete(name) is None
    assert client.schedules.get(created.schedule_id).status == "DISABLED"


def test_moments_and_mappings_are_taken_as_python_has_them(client: Any, name: str) -> None:
    moment = datetime(2040, 1, 31, 9, 30, tzinfo=UTC)
    created = client.schedules.create(
        name=name, task_type="quick", scheduled_time=moment, input_data={"deep": [1, {"a": None}]}
    )
    assert created.scheduled_time == moment
    assert created.input_data == {"deep": [1, {"a": None}]}


def test_what_was_read_is_changed_only_if_nobody_else_did(client: Any, name: str) -> None:
    read = client.schedules.create(name=name, **DAILY)
    changed = client.schedules.update(name, if_match=read, description="mine")
    too_late: list[Callable[[], object]] = [
        lambda: client.schedules.update(name, if_match=read, description="theirs"),
        lambda: client.schedules.replace(name, if_match=read, **DAILY),
        lambda: client.schedules.pause(name, if_match=read),
        lambda: client.schedules.execute(name, if_match=read),
        lambda: client.schedules.delete(name, if_match=read),
    ]
    for refused in too_late:
        with pytest.raises(PreconditionFailed, match="has changed meanwhile"):
            refused()
    assert client.schedules.get(name) == changed
    client.schedules.delete(name, if_match=changed.etag)


def test_a_schedule_that_has_lost_its_tag_changes_nothing(client: Any, name: str) -> None:
    read = client.schedules.create(name=name, **DAILY)
    copied = rowcall.client.Schedule.model_validate_json(read.model_dump_json())
    [listed] = client.schedules.list(text=name)
    for tagless in (copied, listed):
        with pytest.raises(rowcall.InvalidInput, match="carries no tag"):
            client.schedules.update(name, if_match=tagless, description="mine")
        with pytest.raises(rowcall.InvalidInput, match="carries no tag"):
            client.schedules.delete(name, if_match=tagless)
    assert client.schedules.get(name) == read


def test_put_can_only_create(client: Any, name: str) -> None:
    assert client.schedules.replace(name, only_create=True, **DAILY).name == name
    with pytest.raises(PreconditionFailed, match="exists already"):
        client.schedules.replace(name, only_create=True, **DAILY)


def test_pausing_and_resuming(client: Any, name: str) -> None:
    client.schedules.create(name=name, **DAILY)
    paused = client.schedules.pause(name, "a holiday")
    assert paused.status == "PAUSED"
    assert "a holiday" in paused.status_reason
    assert client.schedules.resume(name, if_match=paused).status == "ACTIVE"


def test_a_run_is_asked_for_and_waited_for(client: Any, name: str) -> None:
    client.schedules.create(name=name, input_data={"a": 1, "b": 2}, **DAILY)
    asked = client.schedules.execute(name, {"b": 3})
    ended = client.executions.wait(asked, timeout=30)
    assert (ended.execution_id, ended.status, ended.result_data) == (asked.execution_id, "SUCCEEDED", {"a": 1, "b": 3})
    assert client.executions.get(asked.execution_id) == ended
    assert list(client.schedules.executions(name)) == [ended]


def test_waiting_ends_however_the_run_ends(client: Any, name: str) -> None:
    client.schedules.create(name=name, **{**DAILY, "task_type": "fails"})
    ended = client.executions.wait(client.schedules.execute(name).execution_id, timeout=30)
    assert (ended.status, "on purpose" in ended.error_message) == ("FAILED", True)


def test_waiting_has_a_limit_and_cancels_nothing(client: Any, name: str) -> None:
    client.schedules.create(name=name, **{**DAILY, "task_type": "stays"})
    asked = client.schedules.execute(name)
    with pytest.raises(WaitedTooLong, match=rf"execution {asked.execution_id} is \w+ after 0.3 seconds") as late:
        client.executions.wait(asked, timeout=0.3)
    assert late.value.execution.status in {"QUEUED", "RUNNING"}
    client.executions.cancel(asked.execution_id)
    assert client.executions.wait(asked, timeout=30).status == "CANCELLED"


def test_lists_go_over_their_pages_by_themselves(client: Any, name: str) -> None:
    made = [client.schedules.create(name=f"{name}-{n}", labels={"of": name}, **DAILY).schedule_id for n in range(5)]
    wanted = {"labels": {"of": name}, "status": ["ACTIVE"], "text": name, "task_type": "quick"}
    assert [s.schedule_id for s in client.schedules.list(**wanted)] == made
    assert [s.schedule_id for s in client.schedules.list(**wanted, limit=3)] == made[:3]
    assert list(client.schedules.list(**{**wanted, "status": ["PAUSED"]})) == []


def test_a_list_of_many_pages_is_whole(client: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowcall.client.calls.LARGEST_PAGE", 2)
    made = [client.schedules.create(name=f"{name}-{n}", labels={"of": name}, **DAILY).schedule_id for n in range(5)]
    assert [s.schedule_id for s in client.schedules.list(labels={"of": name})] == made
    assert [s.schedule_id for s in client.schedules.list(labels={"of": name}, limit=3)] == made[:3]


def test_the_ledger_is_listed(client: Any, name: str) -> None:
    schedule = client.schedules.create(name=name, **DAILY)
    client.executions.wait(client.schedules.execute(name), timeout=30)
    since = datetime.now(UTC) - timedelta(hours=1)
    [of_all] = client.executions.list(schedule_id=schedule.schedule_id, since=since, status=["SUCCEEDED"])
    [of_one] = client.schedules.executions(name, since=since.isoformat(), trigger="manual")
    assert of_all == of_one


def test_a_backfill_is_tried_started_watched_and_cancelled(client: Any, name: str) -> None:
    since, until = "2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z"
    schedule = client.schedules.create(
        name=name, starts_at="2026-01-01T00:00:00Z", task_type="stays", cron_expression=ONCE_A_DAY
    )
    wait_until(lambda: [e.status for e in client.schedules.executions(name)] == ["MISSED"])
    tried = client.schedules.try_backfill(name, since, until)
    assert (tried.schedule_id, tried.total) == (schedule.schedule_id, 3)
    started = client.schedules.backfill(name, since, until, max_concurrent=1, reason="a test")
    assert (started.total, started.reason) == (tried.total, "a test")
    assert client.backfills.get(started.backfill_id).backfill_id == started.backfill_id
    assert [b.backfill_id for b in client.backfills.list(schedule_id=schedule.schedule_id)] == [started.backfill_id]
    assert client.backfills.cancel(started.backfill_id).status == "CANCELLED"


def test_what_lies_ahead_and_why(client: Any, name: str) -> None:
    client.schedules.create(name=name, **DAILY)
    ahead = client.schedules.upcoming(name, 3)
    assert [moment.hour for moment in ahead.upcoming] == [9, 9, 9]
    assert client.schedules.explain(name).code == "waiting"
    assert client.schedules.explain(name, at="2020-01-01T09:00").at == datetime(2020, 1, 1, 9, tzinfo=UTC)


def test_a_rule_is_previewed(client: Any) -> None:
    told = client.preview(
        cron_expression="0 9 * * *", timezone="Europe/London", after=datetime(2030, 1, 1, tzinfo=UTC), count=2
    )
    assert told.upcoming == [datetime(2030, 1, day, 9, tzinfo=UTC) for day in (1, 2)]
    assert "09:00" in told.description


def test_how_things_stand(client: Any) -> None:
    assert {"quick", "fails", "stays"} <= {task.task_type for task in client.tasks()}
    assert [worker.is_alive for worker in client.workers()] == [True]
    assert client.stats(hours=1).workers == 1


def test_who_changed_what(client: Any, name: str) -> None:
    schedule = client.schedules.create(name=name, **DAILY)
    [entry] = client.audit_log(schedule_id=schedule.schedule_id, action="schedule.created")
    assert entry.subject == str(schedule.schedule_id)


def test_webhooks_are_listed_and_sent_anew(client: Any, name: str) -> None:
    schedule = client.schedules.create(name=name, callback_url="https://192.0.2.1/hook", **DAILY)
    client.executions.wait(client.schedules.execute(name), timeout=30)
    [delivery] = client.webhooks.list(schedule_id=schedule.schedule_id)
    assert client.webhooks.get(delivery.delivery_id).webhook_id == delivery.webhook_id


def test_both_faces_do_the_same() -> None:
    def of(face: type) -> dict[str, dict[str, inspect.Signature]]:
        parts = {"": face, **{n: p.func.__globals__[p.func.__annotations__["return"]] for n, p in _parts(face)}}
        return {
            name: {n: inspect.signature(m) for n, m in vars(part).items() if hasattr(m, "__wrapped__")}
            for name, part in parts.items()
        }

    assert of(Client) == of(AsyncClient)
    assert sum(map(len, of(Client).values())) > 25


def _parts(face: type) -> list[tuple[str, Any]]:
    return [(name, part) for name, part in vars(face).items() if hasattr(part, "attrname")]


CALLS = (
    schedules.create(), schedules.get("{id}"), schedules.list_().first, schedules.update("{id}"),
    schedules.replace("{id}"), schedules.delete("{id}"), schedules.pause("{id}"), schedules.resume("{id}"),
    schedules.execute("{id}"), schedules.backfill("{id}", "", ""), schedules.try_backfill("{id}", "", ""),
    schedules.upcoming("{id}"), schedules.explain("{id}"), schedules.executions("{id}").first,
    bulk.pause(), bulk.resume(), bulk.delete(), bulk.execute(),
    executions.list_().first, executions.get(7), executions.cancel(7),
    backfills.list_().first, backfills.get(7), backfills.cancel(7),
    webhooks.list_().first, webhooks.get(7), webhooks.redeliver(7),
    overview.preview(), overview.tasks(), overview.workers(), overview.stats(), overview.audit_log().first,
)  # fmt: skip


def test_every_route_that_people_use_has_a_method() -> None:
    called = {(call.method, unquote(call.path).replace("/7", "/{id}")) for call in CALLS}
    routes = {(o.method, o.path) for o in OPERATIONS if o.path.startswith("/v1/")}
    assert called == routes


def test_the_package_brings_both_names() -> None:
    assert (rowcall.Client, rowcall.AsyncClient) == (Client, AsyncClient)
    with a_client("Client", "http://127.0.0.1:1/prefix/v1/") as client:
        assert client.server == "http://127.0.0.1:1/prefix"
