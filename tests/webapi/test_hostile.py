"""Whatever is sent, the answer is never a fault of ours, and never without its shape."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rowcall.domain.fields import ScheduleFields
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.webapi import create_app
from tests.webapi.conftest import BASE

FIELDS = [*ScheduleFields.model_fields, "reason", "input_data", "wait", "after", "count", "unknown"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(),
    st.text(st.characters(), max_size=3),
    st.sampled_from(
        [
            "* * * * *",
            "H H * * *",
            "@daily",
            "2031-01-01",
            "2031-01-01T00:00:00+14:00",
            "Europe/London",
            "n",
            "allow",
            "0 0 30 2 *",
            "9999-12-31T23:59:59Z",
            "0001-01-01",
            "�",
            "\x00",
            "a/b",
            "12",
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6)
RULED = st.builds(
    lambda body, rule: {"task_type": "report", **rule, **body},
    BODIES,
    st.sampled_from([{"cron_expression": "* * * * *"}, {"interval_seconds": 60}, {"cron_fields": {"hour": 9}}, {}]),
)
TARGETS = st.sampled_from(
    [
        ("POST", "/v1/schedules"),
        ("POST", "/v1/preview"),
        ("PATCH", "/v1/schedules/n"),
        ("PUT", "/v1/schedules/n"),
        ("POST", "/v1/schedules/n/pause"),
        ("POST", "/v1/schedules/n/resume"),
        ("POST", "/v1/schedules/n/execute"),
        ("POST", "/v1/executions/1/cancel"),
    ]
)
PARAMETERS = [
    "client_id",
    "status",
    "label",
    "text",
    "limit",
    "cursor",
    "at",
    "count",
    "since",
    "until",
    "hours",
    "schedule_id",
]
LISTS = [
    "/v1/schedules",
    "/v1/executions",
    "/v1/schedules/n",
    "/v1/schedules/n/executions",
    "/v1/schedules/n/explain",
    "/v1/schedules/n/upcoming",
    "/v1/stats",
    "/v1/workers",
]


def check(answer: httpx2.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.text)["status"] == answer.status_code


@asynccontextmanager
async def talking(dsn: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an API of its own: every example runs in a loop of its own."""
    async with Database.open(dsn, size=1) as database:
        transport = httpx2.ASGITransport(app=create_app(database, Settings()), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            rule = {"task_type": "report", "cron_expression": "* * * * *", "allow_unknown_task": True}
            await client.put("/v1/schedules/n", json=rule)
            yield client


class Talk:
    """One loop and one client for all examples of a test."""

    def __init__(self, dsn: str) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._talking = talking(dsn)
        self.client = self.run(self._talking.__aenter__())

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(coroutine)

    def close(self) -> None:
        self.run(self._talking.__aexit__(None, None, None))
        self._runner.close()


@pytest.fixture
def talk(dsn: str) -> Any:
    opened = Talk(dsn)
    yield opened
    opened.close()


often = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@often
@given(target=TARGETS, body=st.one_of(BODIES, RULED))
def test_hostile_fields_are_never_our_fault(talk: Talk, target: tuple[str, str], body: dict[str, Any]) -> None:
    content = json.dumps(body).encode("ascii")
    check(talk.run(talk.client.request(*target, content=content, headers={"Content-Type": "application/json"})))
    check(talk.run(talk.client.get("/v1/schedules?limit=500")))


@often
@given(target=TARGETS, content=st.one_of(st.binary(), st.text().map(lambda text: json.dumps(text)[:40].encode())))
def test_hostile_bytes_are_never_our_fault(talk: Talk, target: tuple[str, str], content: bytes) -> None:
    check(talk.run(talk.client.request(*target, content=content, headers={"Content-Type": "application/json"})))


@often
@given(
    path=st.sampled_from(LISTS),
    query=st.lists(
        st.tuples(
            st.sampled_from(PARAMETERS),
            st.one_of(
                st.text(max_size=8), st.integers().map(str), st.sampled_from(["ACTIVE", "2031-01-01", "n", "team=a"])
            ),
        ),
        max_size=3,
    ),
)
def test_hostile_queries_are_never_our_fault(talk: Talk, path: str, query: list[tuple[str, str]]) -> None:
    text = "&".join(f"{quote(name)}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in query)
    check(talk.run(talk.client.get(f"{path}?{text}")))


@often
@given(
    name=st.one_of(st.text(min_size=1, max_size=12), st.integers().map(str)),
    action=st.sampled_from(["", "/upcoming", "/explain", "/executions"]),
)
def test_hostile_names_are_never_our_fault(talk: Talk, name: str, action: str) -> None:
    segment = quote(name.encode("utf-8", "surrogatepass"), safe="").replace(".", "%2E")
    check(talk.run(talk.client.get(f"/v1/schedules/{segment}{action}")))
    check(talk.run(talk.client.get(f"/v1/executions/{segment}")))
