"""Why did it not run? Five stories, told by the API and by the command line in the same true sentence, on rows that a
real claim has written; and for the audit none of them is a hole.

The stories lie in the past: claims are made at a given moment, and what is dated by the database is aged afterwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import httpx2
import pytest

from rowcall.cli.explaining import explain_one
from rowcall.domain.executions import Outcome
from rowcall.store.auditing import audit
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from rowcall.store.leases import WorkerCard, register_worker
from rowcall.store.unroutable import answer_unroutable
from tests.store.stories import Connection, change, claim, finish
from tests.webapi.conftest import CreateSchedule

MINUTE = timedelta(minutes=1)
BEGAN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
"""All stories begin here, six hours ago and a little more."""

Explain: TypeAlias = Callable[..., Awaitable[tuple[str, str]]]
"""Asks the API and the command line about a minute, or about now: a code, and the sentence that both tell."""

LIMIT = "limit: max_executions 2 is reached"


class Story:
    """A schedule "nightly" of the task "report", a worker, and what is told of both."""

    def __init__(self, client: httpx2.AsyncClient, database: Database, db: Connection, worker: int) -> None:
        self.client = client
        self.database = database
        self.db = db
        self.worker = worker
        self.schedule_id = 0

    async def look(self, minutes: float) -> list[Claim]:
        """What the worker claims so many minutes after the beginning."""
        return await claim(self.database, self.worker, now=BEGAN + minutes * MINUTE, routes=["report"])

    async def run(self, *minutes: float) -> None:
        """Let the occurrences of these minutes run."""
        for each in minutes:
            [claimed] = await self.look(each)
            await finish(self.database, self.worker, (claimed, Outcome.succeeded()))

    async def change(self, assignments: str, minutes: float) -> None:
        """Change the schedule, so many minutes after the beginning."""
        await change(self.db, self.schedule_id, assignments, at=BEGAN + minutes * MINUTE)

    async def age(self, status: str, minutes: float) -> None:
        """What the claim did to the schedule just now, it did so many minutes after the beginning."""
        await self.db.execute(
            "UPDATE rowcall.schedule_versions SET valid_from = $2 WHERE status = $1", status, BEGAN + minutes * MINUTE
        )

    async def execution(self, minutes: float) -> int:
        """The execution whose own occurrence this is."""
        execution_id: int = await self.db.fetchval(
            "SELECT execution_id FROM rowcall.schedule_executions WHERE scheduled_for = $1", BEGAN + minutes * MINUTE
        )
        return execution_id


def told(minutes: float) -> str:
    """A moment as sentences tell it."""
    return f"{BEGAN + minutes * MINUTE:%Y-%m-%d %H:%M:%S} UTC"


@pytest.fixture
async def story(client: httpx2.AsyncClient, database: Database, db: Connection, a_schedule: CreateSchedule) -> Story:
    card = WorkerCard("here:1", "here", 1, "0", ["tests"], ["report"], 10, 3600.0)
    story = Story(client, database, db, await register_worker(database, card, []))
    await db.execute("UPDATE rowcall.installation SET history_floor_at = $1", BEGAN - MINUTE)
    return story


@pytest.fixture
def explain(story: Story, dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Explain:
    """Asks the API and the command line; what both say."""
    monkeypatch.setenv("DATABASE_URL", dsn)

    async def ask(minutes: float | None = None) -> tuple[str, str]:
        at = None if minutes is None else (BEGAN + minutes * MINUTE).isoformat()
        answer = await story.client.get("/v1/schedules/nightly/explain", params={} if at is None else {"at": at})
        assert answer.status_code == 200, answer.text
        capsys.readouterr()
        await explain_one("nightly", "default", at, as_json=False)
        assert capsys.readouterr().out.rstrip("\n") == answer.json()["sentence"]
        return answer.json()["code"], answer.json()["sentence"]

    return ask


async def nightly(story: Story, a_schedule: CreateSchedule, **fields: Any) -> None:
    """The schedule of the story: created through the API, and aged to its beginning."""
    created = await a_schedule(name="nightly", task_type="report", **{"interval_seconds": 600} | fields)
    story.schedule_id = created["schedule_id"]
    await story.db.execute(
        "UPDATE rowcall.schedules SET created_at = $1, next_run_at = NULL, next_occurrence_at = NULL", BEGAN
    )
    await story.db.execute("UPDATE rowcall.schedule_versions SET valid_from = $1", BEGAN)


async def assert_whole(story: Story, until: float) -> None:
    """The audit finds no hole up to then."""
    report = await audit(story.database, until=BEGAN + until * MINUTE)
    assert (report.schedules, report.findings) == (1, [])


async def test_a_paused_hour_is_explained(story: Story, a_schedule: CreateSchedule, explain: Explain) -> None:
    await nightly(story, a_schedule)
    await story.run(10, 20, 30)
    await story.change("status = 'PAUSED', status_reason = 'the printer is ill'", 35)

    assert await explain(50) == (
        "paused",
        f"The occurrence of {told(50)} did not run: it was paused since {told(35)}: the printer is ill.",
    )
    assert await explain() == ("paused", f"It is paused since {told(35)}: the printer is ill.")
    await assert_whole(story, 60)

    await story.change("status = 'ACTIVE'", 95)
    await story.run(100)
    assert await explain(50) == (
        "skipped",
        (
            f"The occurrence of {told(50)} did not run (SKIPPED): paused: the printer is ill; execution"
            f" {await story.execution(90)} answers for it together with the others up to {told(90)}."
        ),
    )
    await assert_whole(story, 100)


async def test_an_overlap_is_explained(story: Story, a_schedule: CreateSchedule, explain: Explain) -> None:
    await nightly(story, a_schedule, overlap_policy="skip")
    [slow] = await story.look(10)
    assert await story.look(20) == []
    skipped = (
        "skipped",
        f"The occurrence of {told(20)} did not run (SKIPPED): overlap: execution {slow.execution_id} was still open.",
    )
    assert await explain(20) == skipped

    await finish(story.database, story.worker, (slow, Outcome.succeeded()))
    await story.run(30)
    assert await explain(20) == skipped, "and this is true for ever"
    await assert_whole(story, 30)


async def test_a_limit_is_explained(story: Story, a_schedule: CreateSchedule, explain: Explain) -> None:
    await nightly(story, a_schedule, max_executions=2, coalesce="all", grace_period_seconds=3600)
    await story.run(10, 42)
    await story.age("COMPLETED", 42)

    assert await explain(30) == (
        "skipped",
        (
            f"The occurrence of {told(30)} did not run (SKIPPED): {LIMIT}; execution"
            f" {await story.execution(40)} answers for it together with the others up to {told(40)}."
        ),
    )
    assert await explain(50) == (
        "completed",
        f"The occurrence of {told(50)} did not run: it was completed on {told(42)}: {LIMIT}.",
    )
    assert await explain() == (
        "completed",
        f"It is completed since {told(42)}: {LIMIT}.",
    )
    await assert_whole(story, 60)


async def test_a_missed_grace_is_explained(story: Story, a_schedule: CreateSchedule, explain: Explain) -> None:
    await nightly(story, a_schedule, grace_period_seconds=300)
    await story.run(10, 62)

    late = "did not run (MISSED): grace: not started within 300 s of its moment"
    assert await explain(50) == ("missed", f"The occurrence of {told(50)} {late}.")
    assert await explain(20) == (
        "missed",
        (
            f"The occurrence of {told(20)} {late}; execution {await story.execution(50)} answers for it together with"
            f" the others up to {told(50)}."
        ),
    )
    await assert_whole(story, 62)


async def test_an_unroutable_task_is_explained(story: Story, a_schedule: CreateSchedule, explain: Explain) -> None:
    await nightly(story, a_schedule, grace_period_seconds=300)
    await story.run(10)
    await story.db.execute("UPDATE rowcall.workers SET routes = '{other}'")

    nobody = f"due since {told(20)}, and the only live worker does not offer 'report'."
    assert await explain() == ("unroutable", f"It is {nobody}")
    assert await explain(20) == (
        "unroutable",
        f"The occurrence of {told(20)} is not answered for yet. It is {nobody}",
    )

    assert len(await answer_unroutable(story.database, ["other"], now=BEGAN + 26 * MINUTE)) == 1
    assert await explain(20) == (
        "missed",
        (
            f"The occurrence of {told(20)} did not run (MISSED): unroutable: no live worker offered task 'report'"
            " before its grace ran out."
        ),
    )
    await assert_whole(story, 26)
