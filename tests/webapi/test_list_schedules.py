"""GET /v1/schedules: filters and pages."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule


async def names(client: httpx2.AsyncClient, query: str = "") -> list[str]:
    answer = await client.get(f"/v1/schedules{query}")
    assert answer.status_code == 200, answer.text
    return [schedule["name"] for schedule in answer.json()["schedules"]]


@pytest.fixture
async def some(client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any) -> None:
    """a to e: two clients, two tasks, labels; c is paused, d deleted, e static."""
    await a_schedule(name="a", labels={"team": "billing", "tier": "1"}, description="Nightly 100% report")
    await a_schedule(name="b", labels={"team": "ops"}, task_type="email", interval_seconds=60)
    await a_schedule(name="c", client_id="acme", labels={"team": "billing"})
    await a_schedule(name="d")
    await a_schedule(name="e", client_id="code")
    await client.post("/v1/schedules/c/pause?client_id=acme")
    await client.delete("/v1/schedules/d")
    await db.execute("UPDATE rowcall.schedules SET is_static = true WHERE name = 'e'")


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "a b c e"),
        ("?include_disabled=true", "a b c d e"),
        ("?status=DISABLED", "d"),
        ("?status=PAUSED&status=DISABLED", "c d"),
        ("?status=ACTIVE&status=PAUSED", "a b c e"),
        ("?status=INVALID", ""),
        ("?task_type=email", "b"),
        ("?schedule_type=interval", "b"),
        ("?client_id=acme", "c e"),
        ("?client_id=acme&is_static=false", "c"),
        ("?client_id=default", "a b e"),
        ("?client_id=nobody", "e"),
        ("?is_static=true", "e"),
        ("?label=team=billing", "a c"),
        ("?label=team", "a b c"),
        ("?label=team=billing&label=tier", "a"),
        ("?label=team=", ""),
        ("?label=team=billing&label=team=billing&label=team", "a c"),
        ("?text=NIGHTLY", "a"),
        ("?text=100%25", "a"),
        ("?text=1__", ""),
        ("?text=%5C", ""),
        ("?status=ACTIVE&task_type=report&label=tier=1&text=report&schedule_type=cron", "a"),
        ("?status=PAUSED&client_id=acme&label=team", "c"),
    ],
)
async def test_filters_narrow_the_list(client: httpx2.AsyncClient, query: str, expected: str) -> None:
    assert await names(client, query) == expected.split()


@pytest.mark.parametrize("query", ["", "client_id=default&", "status=PAUSED&"])
async def test_pages_hold_every_schedule_once(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, query: str
) -> None:
    expected = [(await a_schedule(name=f"n{number}"))["name"] for number in range(7)]
    if "PAUSED" in query:
        for name in expected:
            await client.post(f"/v1/schedules/{name}/pause")

    found: list[str] = []
    url = f"/v1/schedules?{query}limit=3"
    while url:
        answer = await client.get(url)
        page = answer.json()
        found += [schedule["name"] for schedule in page["schedules"]]
        assert (page["next_cursor"] is None) == ("next" not in answer.links)
        url = answer.links.get("next", {}).get("url", "")
    assert found == expected


async def test_a_page_that_is_just_full_is_the_last(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule()
    await a_schedule()
    assert (await client.get("/v1/schedules?limit=2")).json()["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["", "x", "1.", "1.2", "1" * 19, "é", "²", "%00"])
async def test_a_cursor_of_somebody_elses_is_refused(client: httpx2.AsyncClient, cursor: str) -> None:
    assert "cursor" in faults(await client.get(f"/v1/schedules?cursor={cursor}"))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=99999999999999999999999999", "limit"),
        ("limit=ten", "limit"),
        ("status=active", "status.0"),
        ("task_type=a&task_type=b", "task_type"),
        ("include_disabled=perhaps", "include_disabled"),
        ("text=%00", "text"),
        ("nonsense=1", "nonsense"),
    ],
)
async def test_a_parameter_that_can_not_be_used_is_named(client: httpx2.AsyncClient, query: str, field: str) -> None:
    assert list(faults(await client.get(f"/v1/schedules?{query}"))) == [field]


async def test_two_values_of_a_label_are_a_fault_as_no_schedule_has_both(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/schedules?label=env=a&label=team=x&label=env=b")
    assert faults(answer) == {"label": "asks for two values of 'env', 'a' and 'b'; a schedule has one at most"}


async def test_a_list_takes_no_other_method(client: httpx2.AsyncClient) -> None:
    answer = await client.delete("/v1/schedules")
    assert_problem(answer, 405)
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
