"""``rowcall backfill``: a range of the past, from a shell."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import rowcall as package
from rowcall.store.database import Database
from rowcall.wire.backfills import BackfillView
from rowcall.worker import look_once
from tests.cli.processes import rowcall_process
from tests.cli.support import RowcallCommand
from tests.worker.serving import quick_settings

RANGE = ("--since", "2026-03-02", "--until", "2026-03-05")


@pytest.fixture
def daily(rowcall: RowcallCommand) -> None:
    """The schedule `daily`, at nine in New York."""
    ran = rowcall(
        "schedules", "create", "daily", "--task", "report", "--cron", "0 9 * * *", "-z", "America/New_York",
        "--allow-unknown-task",
    )  # fmt: skip
    assert ran.code == 0, ran.err


def work(dsn: str, *, fails: bool = False) -> None:
    """Take one look with a worker that has the task."""
    app = package.App("reports")

    @app.task("report")
    async def report() -> None:
        assert not fails

    async def look() -> None:
        async with Database.open(dsn) as database:
            await look_once(database, quick_settings(dsn, poll_interval_seconds=3600), [app])

    asyncio.run(look())


@pytest.mark.usefixtures("daily")
def test_a_dry_run_tells_what_would_run(rowcall: RowcallCommand) -> None:
    told = rowcall("backfill", "start", "daily", *RANGE, "--dry-run", "--json").json
    assert (told["total"], told["first"], told["already_answered"]) == (3, "2026-03-02T14:00:00Z", 0)
    assert "2026-03-04T14:00:00Z" in rowcall("backfill", "start", "daily", *RANGE, "--dry-run").out
    assert rowcall("backfill", "list").err == "No backfills.\n"


@pytest.mark.usefixtures("daily")
def test_lengths_of_time_count_back_from_now(rowcall: RowcallCommand) -> None:
    assert rowcall("backfill", "start", "daily", "--since", "7d", "--dry-run", "--json").json["total"] == 7
    both = ("--since", "7d", "--until", "4d")
    assert rowcall("backfill", "start", "daily", *both, "--dry-run", "--json").json["total"] == 3


@pytest.mark.usefixtures("daily")
def test_a_backfill_is_started_shown_and_cancelled(rowcall: RowcallCommand) -> None:
    ran = rowcall("backfill", "start", "daily", *RANGE, "--rate", "30", "--max-concurrent", "2", "--reason", "a fix")
    assert (ran.code, ran.err) == (0, "Backfill 1 of daily is started: 3 occurrences.\n")
    shown = rowcall("backfill", "show", "1", "--json").json
    assert set(shown) == set(BackfillView.model_fields)
    assert [shown[name] for name in ("rate_per_minute", "max_concurrent", "reason", "status")] == [
        30, 2, "a fix", "RUNNING",
    ]  # fmt: skip
    assert shown["requested_by"].endswith("the command line")
    assert rowcall("backfill", "list", "--json").json == shown
    header, row = rowcall("backfill", "list", "--schedule", "daily", "--status", "running").out.splitlines()
    assert header.split()[:2] == ["ID", "SCHEDULE"]
    assert row.split()[:2] == ["1", "daily"]
    assert rowcall("backfill", "cancel", "1").err == "Backfill 1 is cancelled, with 3 left to run; 0 still run.\n"
    again = rowcall("backfill", "cancel", "1")
    assert (again.code, "CANCELLED already" in again.err) == (5, True)
    assert "CANCELLED" in rowcall("backfill", "show", "1").out
    assert rowcall("backfill", "show", "1", "--follow").code == 1  # it is over, and not all of it ran
    assert rowcall("backfill", "show", "2").code == 4


@pytest.mark.usefixtures("daily")
@pytest.mark.parametrize(
    "given",
    [
        ("--since", "yesterday"),
        ("--since", "2900-01-01"),
        ("--since", "2026-03-05", "--until", "2026-03-02"),
        ("--since", "2026-03-02T10:00", "--until", "2026-03-02T11:00"),
        (*RANGE, "--rate", "0"),
    ],
)
def test_what_can_not_be_is_refused(rowcall: RowcallCommand, given: tuple[str, ...]) -> None:
    assert rowcall("backfill", "start", "daily", *given).code == 2


@pytest.mark.usefixtures("daily")
def test_a_failed_run_is_told_by_the_exit_code(rowcall: RowcallCommand, execute: Callable[..., Any], dsn: str) -> None:
    execute("UPDATE rowcall.schedules SET max_retries = 0")
    today = datetime.now(UTC).date()  # days that the worker's retention leaves alone
    for fails, code, days_ago in ((True, 1, 5), (False, 0, 3)):
        since, until = (str(today - timedelta(days=ago)) for ago in (days_ago, days_ago - 1))
        day = ("--since", since, "--until", until)
        backfill_id = str(rowcall("backfill", "start", "daily", *day, "--json").json["backfill_id"])
        work(dsn, fails=fails)  # it runs
        work(dsn)  # it is found to be over
        assert rowcall("backfill", "show", backfill_id, "--follow", "--json").code == code


@pytest.mark.usefixtures("daily")
async def test_following_lasts_until_it_is_over(rowcall: RowcallCommand, dsn: str) -> None:
    async with (
        rowcall_process("worker", "--app", "tests.cli.reports:app", DATABASE_URL=dsn),
        rowcall_process("backfill", "start", "daily", *RANGE, "--follow", "--json", DATABASE_URL=dsn) as followed,
    ):
        assert await followed.ends() == 0
    assert '"succeeded": 3' in followed.out[-1]
