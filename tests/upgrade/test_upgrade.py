"""A database of an older Rowcall becomes one of this, while its workers and its API go on; then they are replaced."""

from __future__ import annotations

import json
import stat
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

import rowcall
from rowcall.embedded.binaries import find_binaries
from rowcall.store.migrations import known_migrations
from tests.folders import short_lived_folder
from tests.upgrade.history import FIRST, unpack
from tests.upgrade.stage import API, WORKER, Connection, Stage, fill, url_of_api, works
from tests.worker.waiting import until

NEWEST = known_migrations()[-1].version
MOMENTS = ("before", "while", "after")
TOLD_ABOUT = """
    SELECT execution_id FROM rowcall.schedule_executions AS e JOIN rowcall.schedules AS s USING (schedule_id)
      JOIN rowcall.workers AS w USING (worker_id)
     WHERE s.name ~ '^told-[2-5]' AND e.finished_at IS NOT NULL AND w.declares IS NOT NULL"""
"""What workers of this Rowcall have ended; those of the older one do not say what they declare."""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def stage(tmp_path: Path, empty_dsn: str, stack: ExitStack) -> Stage:
    return Stage(tmp_path, empty_dsn, stack)


@pytest.fixture(autouse=True)
def _no_key_of_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The client would send the one that a Rowcall on this machine has left."""
    monkeypatch.setenv("ROWCALL_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
async def db(empty_dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(empty_dsn)
    yield connection
    await connection.close()


async def test_an_upgrade_while_old_workers_run_loses_nothing_and_doubles_nothing(
    stage: Stage, stack: ExitStack, db: Connection, tmp_path: Path
) -> None:
    older = unpack(FIRST, tmp_path)
    assert stage.start("migrate", tree=older).ended() == 0
    await db.execute("CREATE TABLE public.effects (execution_id bigint)")
    old_api = stage.start(*API, tree=older)
    old_workers = [stage.start(*WORKER, tree=older) for _ in range(2)]
    await fill(db)
    for worker in old_workers:
        await works(db, worker)
    people = stack.enter_context(httpx2.Client(base_url=url_of_api(old_api), trust_env=False))
    act(people, "before")

    migrating = stage.start("migrate")
    act(people, "while")
    assert migrating.ended() == 0, migrating.output
    assert f"the schema is at {NEWEST}" in migrating.output
    upgraded_at = await db.fetchval("SELECT max(applied_at) FROM rowcall.schema_migrations")

    late_comer, *new_workers = [stage.start(*WORKER, tree=older), stage.start(*WORKER), stage.start(*WORKER)]
    new_api = stage.start(*API)
    act(people, "after")
    for worker in [*old_workers, late_comer, *new_workers]:
        await works(db, worker, since=upgraded_at)
    await read_and_change(db, url_of_api(new_api))
    stage.gate.touch()
    for program in [*old_workers, late_comer, old_api]:
        assert program.stop() == 0, program.output
    replaced_at = await db.fetchval("SELECT now()")
    for worker in new_workers:
        await works(db, worker, since=replaced_at)
    await until(lambda: db.fetchval(f"SELECT count(*) FROM ({TOLD_ABOUT}) AS t"), what="an end that is to be told")
    await end(db)

    audit = stage.start("audit")
    assert audit.ended() == 0, audit.output
    await check_ledger(db, stage)
    await check_what_was_told(db)


def act(people: httpx2.Client, moment: str) -> None:
    """What people do through the API of the older Rowcall: all of it is done as ever."""

    def call(method: str, path: str, body: object = None) -> None:
        answer = people.request(method, f"/v1/{path}", json=body)
        assert answer.status_code < 300, f"{moment}: {method} {path}: {answer.status_code} {answer.text}"

    name, definition = f"people-{moment}", {"task_type": "brief", "interval_seconds": 1}
    call("POST", "schedules", {"name": name, **definition})
    call("PATCH", f"schedules/{name}", {"input_data": {"moment": moment}, "priority": 7})
    call("POST", f"schedules/{name}/pause", {"reason": "lunch"})
    call("POST", f"schedules/{name}/resume")
    for asked in ("each-second-1", "paused-1", "retried-1", "transaction-1", name):
        call("POST", f"schedules/{asked}/execute", {})
    since = datetime.now(UTC) - timedelta(days=1, hours=MOMENTS.index(moment))
    span = {"since": since.isoformat(), "until": (since + timedelta(minutes=5)).isoformat()}
    call("POST", "schedules/minutely-1/backfill", span)
    call("GET", "executions?limit=100")
    call("GET", "schedules?limit=100")
    call("GET", f"schedules/{name}/explain")
    call("POST", "schedules", {"name": f"gone-{moment}", **definition})
    call("DELETE", f"schedules/gone-{moment}")


async def read_and_change(db: Connection, url: str) -> None:
    """What the older Rowcall wrote is read and changed by this one's API, and this one's columns are there for it."""
    with rowcall.Client(url) as client:
        listed = [schedule.schedule_id for schedule in client.schedules.list()]
        there = await db.fetch("SELECT schedule_id FROM rowcall.schedules WHERE status <> 'DISABLED'")
        assert sorted(listed) == sorted(row["schedule_id"] for row in there)
        written = await db.fetch("SELECT execution_id FROM rowcall.schedule_executions")
        assert {row["execution_id"] for row in written} <= {each.execution_id for each in client.executions.list()}
        assert client.schedules.update("told-1", callback_events=["FAILED"]).callback_events == ["FAILED"]
        assert client.schedules.resume("paused-1").status == "ACTIVE"
        first = await db.fetchval(
            "SELECT min(scheduled_for) FROM rowcall.schedule_executions"
            "  JOIN rowcall.schedules USING (schedule_id) WHERE name = 'each-second-1' AND trigger = 'schedule'"
        )
        assert client.schedules.explain("each-second-1", first).code == "succeeded"


async def end(db: Connection) -> None:
    """Plan nothing more, and wait until nothing is open."""
    await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED' WHERE status = 'ACTIVE'")

    async def nothing_open() -> bool:
        return not await db.fetchval("SELECT count(*) FROM rowcall.open_executions")

    await until(nothing_open, what="the end of what is open")


async def check_ledger(db: Connection, stage: Stage) -> None:
    """Every run succeeded in the attempt that it should have, and what it did was done once."""
    rows = await db.fetch(
        "SELECT execution_id, e.task_type, trigger, e.status, attempt, scheduled_for, executed_at, reason, s.name"
        "  FROM rowcall.schedule_executions AS e JOIN rowcall.schedules AS s USING (schedule_id)"
    )
    ran = [row for row in rows if row["status"] != "SKIPPED"]
    first = {(task, "SUCCEEDED", 1) for task in ("brief", "threaded", "once", "lasting")}
    assert {(row["task_type"], row["status"], row["attempt"]) for row in ran} == first | {("flaky", "SUCCEEDED", 2)}
    assert {row["reason"].split(":")[0] for row in rows if row["status"] == "SKIPPED"} <= {"paused", "overlap"}

    written = await db.fetch("SELECT execution_id FROM public.effects")
    done = Counter([*stage.noted(), *((row["execution_id"], 1) for row in written)])
    assert done == Counter((row["execution_id"], row["attempt"]) for row in ran)

    triggers = Counter(row["trigger"] for row in ran)
    assert (triggers["manual"], triggers["backfill"]) == (5 * len(MOMENTS), 5 * len(MOMENTS))
    each_second: dict[str, list[datetime]] = {}
    for row in rows:
        if row["name"].startswith(("each-second", "transaction")) and row["trigger"] == "schedule":
            each_second.setdefault(row["name"], []).append(row["scheduled_for"])
    assert len(each_second) == 120
    for name, moments in each_second.items():
        assert max(moments) - min(moments) == timedelta(seconds=len(moments) - 1), name
    late = max(row["executed_at"] - row["scheduled_for"] for row in ran if row["name"] in each_second)
    print(f"{len(ran)} runs, the latest {late.total_seconds():.2f} s late")


async def check_what_was_told(db: Connection) -> None:
    """Who changed what is noted for the older API too; callbacks are told of what the new workers have ended."""
    who = "SELECT DISTINCT who FROM rowcall.audit_log JOIN rowcall.schedules USING (schedule_id) WHERE name = $1"
    assert [row["who"] for row in await db.fetch(who, "people-after")] == [f"role {await db.fetchval('SELECT user')}"]
    told = await db.fetch("SELECT execution_id FROM rowcall.webhook_deliveries WHERE event = 'SUCCEEDED'")
    assert {row["execution_id"] for row in told} >= {row["execution_id"] for row in await db.fetch(TOLD_ABOUT)}


async def test_an_older_rowcall_refuses_what_a_newer_one_has_taken_away(
    stage: Stage, db: Connection, tmp_path: Path
) -> None:
    older = unpack(FIRST, tmp_path)
    assert stage.start("migrate").ended() == 0
    stage.start("doctor", tree=older).says(r"schema +ok +at 0005")
    await db.execute("INSERT INTO rowcall.schema_migrations (version, name) VALUES ('9999', 'post_tidy')")
    worker = stage.start(*WORKER, tree=older)
    assert worker.ended() == 3
    assert "upgrade Rowcall" in worker.output


def test_the_embedded_database_of_an_older_rowcall_is_dumped_and_brought_up_to_date_by_whoever_opens_it(
    stage: Stage, tmp_path: Path
) -> None:
    with short_lived_folder() as folder:
        place: dict[str, Any] = {"DATABASE_URL": "", "ROWCALL_DATA_DIR": str(folder / "data")}
        rule = ("--task", "brief", "--cron", "0 9 * * *", "--set", "allow_unknown_task=true")
        older = stage.start("schedules", "create", "nightly", *rule, tree=unpack(FIRST, tmp_path), **place)
        assert older.ended() == 0, older.output

        dumps = folder / "data" / "dumps"
        dumps.touch()
        without_dump = stage.start("schedules", "list", "--json", **place)
        assert without_dump.ended() == 3
        assert f"{dumps} was to be a folder" in without_dump.output
        dumps.unlink()

        listed = stage.start("schedules", "list", "--json", **place)
        assert listed.ended() == 0, listed.output
        assert json.loads(listed.output.splitlines()[-1])["name"] == "nightly"

        [dump] = dumps.iterdir()
        assert dump.name == "schema-0001.dump"
        assert (stat.S_IMODE(dump.stat().st_mode), stat.S_IMODE(dumps.stat().st_mode)) == (0o600, 0o700)
        assert "\tnightly\t" in restored(dump, "schedules")


def restored(dump: Path, table: str) -> str:
    """What a dump has of a table."""
    command = [find_binaries().tool("pg_restore"), "--data-only", f"--table={table}", "--file=-", str(dump)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
