"""What an importer of CSV files asks of its scheduler, item by item: a test for each, on one service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeAlias

import asyncpg
import httpx2
import pytest

from tests.databases import Admin
from tests.examples.conftest import EXAMPLES, Service, settings
from tests.programs import ROWCALL, running, url_of
from tests.worker.waiting import until
from tests.worker.webhooks.receiver import KEY, Receiver, receiving

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

HEADER = "order_id,reason,weight\n"
RETURNS = "CREATE TABLE csv_import.returns (order_id bigint, reason text, weight int)"
SOMEDAY = {"cron_expression": "0 0 1 1 *"}


@dataclass
class Shop:
    """The importer at work: a database, folders for files, and `rowcall serve`, which can be started anew."""

    dsn: str
    root: Path
    stack: ExitStack
    started: list[Service] = field(default_factory=list)

    @property
    def service(self) -> Service:
        """The one that works now."""
        return self.started[-1]

    def start(self, *command: str, **environment: str) -> Service:
        """Start a process, and wait until it answers."""
        own = settings(self.dsn) | {
            "CSV_IMPORT_ROOT": str(self.root),
            "ROWCALL_HTTP_ALLOW": "127.0.0.1",
            "ROWCALL_SECRETS_FILE": str(self.root / "secrets.json"),
        }
        output = self.root / f"output-{token_hex(4)}"
        started = running([*ROWCALL, *command], output, cwd=EXAMPLES / "csv_import", environment=own | environment)
        process = self.stack.enter_context(started)
        return Service(process, self.stack.enter_context(httpx2.Client(base_url=url_of(process), timeout=30)))

    def serve(self) -> Service:
        """Start the service; the one before has to be stopped."""
        self.started.append(self.start("serve", "--app", "importer:app"))
        return self.service

    def create(self, name: str, **fields: Any) -> Any:
        """A schedule with a folder of its own, for the project of the same name."""
        (self.root / name).mkdir()
        what = {"project": name, "folder": name, "table": "returns"}
        return self.service.create(name, **{"task_type": "import-csv", "input_data": what, **fields})

    def put(self, folder: str, row: str) -> None:
        """A file to import, there as a whole or not at all."""
        file = self.root / folder / f"{token_hex(4)}.part"
        file.write_text(f"{HEADER}{row}\n")
        file.rename(file.with_suffix(".csv"))


@pytest.fixture(scope="module")
def shop(admin: Admin, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    name = f"rowcall_test_{token_hex(6)}"
    dsn = admin.make(name, template_database)
    root = tmp_path_factory.mktemp("shop")
    secrets = root / "secrets.json"
    secrets.touch(mode=0o600)
    secrets.write_text(json.dumps({"secrets": {"webhooks": {"values": [KEY]}}}))
    (root / "inbox" / "orders").mkdir(parents=True)
    admin.fill(dsn, (EXAMPLES / "csv_import" / "tables.sql").read_text() + RETURNS)
    with ExitStack() as stack:
        opened = Shop(dsn, root, stack)
        opened.serve()
        yield opened
    admin.drop(name)


async def test_01_interval_and_cron_schedules_are_created_through_the_api(shop: Shop) -> None:
    interval = shop.create("created-interval", hours=1)
    cron = shop.create("created-cron", cron_expression="0 6 * * MON-FRI", timezone="Europe/London")
    assert (interval["schedule_type"], interval["interval_seconds"]) == ("interval", 3600)
    assert (cron["schedule_type"], cron["timezone"]) == ("cron", "Europe/London")
    assert cron["trigger_description"] == "At 06:00, Monday to Friday, Europe/London time"
    assert {interval["status"], cron["status"]} == {"ACTIVE"}
    assert None not in {interval["next_run_at"], cron["next_run_at"]}


async def test_02_lists_are_filtered_and_limited(shop: Shop) -> None:
    shop.create("filter-a", **SOMEDAY, labels={"project": "filtered"})
    shop.create("filter-b", hours=1, labels={"project": "filtered"})
    shop.service.post("/v1/schedules/filter-b/pause")
    project = {"label": "project=filtered"}
    assert shop.service.names(**project) == ["filter-a", "filter-b"]
    assert shop.service.names(**project, status="PAUSED") == ["filter-b"]
    assert shop.service.names(**project, schedule_type="cron") == ["filter-a"]
    assert shop.service.names(**project, text="-b") == ["filter-b"]
    first = shop.service.get("/v1/schedules", **project, limit=1)
    assert len(first["schedules"]) == 1
    assert shop.service.names(**project, limit=1, cursor=first["next_cursor"]) == ["filter-b"]


async def test_03_it_is_disabled_and_enabled_again(shop: Shop) -> None:
    shop.create("switched", hours=1)
    disabled = shop.service.post("/v1/schedules/switched/pause")
    assert (disabled["status"], disabled["next_run_at"]) == ("PAUSED", None)
    enabled = shop.service.post("/v1/schedules/switched/resume")
    assert enabled["status"] == "ACTIVE"
    assert datetime.fromisoformat(enabled["next_run_at"]) > datetime.now(UTC)


async def test_04_a_manual_run_imports_now_and_leaves_the_next_run_where_it_was(shop: Shop) -> None:
    created = shop.create("by-hand", **SOMEDAY)
    shop.put("by-hand", "1,torn,10")
    assert (await shop.service.run("by-hand"))["result_data"]["rows"] == 1
    assert shop.service.get("/v1/schedules/by-hand")["next_run_at"] == created["next_run_at"]


async def test_05_the_history_has_every_run_the_latest_first(shop: Shop) -> None:
    shop.create("remembered", **SOMEDAY, max_retries=0)
    good = await shop.service.run("remembered")
    shop.put("remembered", "1,torn,heavy")
    bad = await shop.service.run("remembered", "FAILED")
    history = shop.service.executions("remembered")
    assert [each["execution_id"] for each in history] == [bad["execution_id"], good["execution_id"]]
    assert 'invalid input syntax for type integer: "heavy"' in history[0]["error_message"]
    assert history[1]["duration_seconds"] > 0


async def test_06_a_restart_loses_no_schedule(shop: Shop) -> None:
    shop.create("lasting", seconds=1)
    await shop.service.first("lasting", trigger="schedule")
    assert shop.service.process.stop() == 0
    stopped_at = datetime.now(UTC)
    again = shop.serve()
    since = stopped_at.isoformat()
    assert await until(lambda: again.executions("lasting", status="SUCCEEDED", since=since), what="a run after it")
    again.post("/v1/schedules/lasting/pause")


async def test_07_it_runs_by_itself(shop: Shop) -> None:
    shop.create("automatic", seconds=1)
    shop.put("automatic", "1,torn,10")
    ran = await shop.service.first("automatic", trigger="schedule")
    late = datetime.fromisoformat(ran["executed_at"]) - datetime.fromisoformat(ran["scheduled_for"])
    assert timedelta(0) <= late < timedelta(seconds=30)
    shop.service.post("/v1/schedules/automatic/pause")


async def test_08_every_run_carries_the_id_of_its_schedule(shop: Shop) -> None:
    ids = {name: shop.create(name, **SOMEDAY)["schedule_id"] for name in ("carrier-a", "carrier-b")}
    for name, schedule_id in ids.items():
        ran = await shop.service.run(name)
        assert ran["schedule_id"] == schedule_id
        [listed] = shop.service.get("/v1/executions", schedule_id=schedule_id)["executions"]
        assert listed["execution_id"] == ran["execution_id"]


async def test_09_the_statistics_add_up(shop: Shop) -> None:
    shop.create("counted", **SOMEDAY, max_retries=0)
    await shop.service.run("counted")
    shop.put("counted", "1,torn,heavy")
    last = await shop.service.run("counted", "FAILED")

    def counted() -> Any:
        schedule = shop.service.get("/v1/schedules/counted")
        return schedule if schedule["successful_runs"] + schedule["failed_runs"] == 2 else None

    schedule = await until(counted, what="the count of both runs")
    assert (schedule["total_runs"], schedule["successful_runs"], schedule["failed_runs"]) == (2, 1, 1)
    assert (schedule["last_execution_id"], schedule["last_status"]) == (last["execution_id"], "FAILED")
    assert schedule["last_run_at"] == last["executed_at"]


async def test_10_a_project_has_several_schedules_each_with_overrides_of_its_own(shop: Shop) -> None:
    label = {"labels": {"project": "many"}}
    shop.create("many-commas", **SOMEDAY, **label)
    semicolons = {"project": "many", "folder": "many-semicolons", "table": "returns", "delimiter": ";"}
    shop.create("many-semicolons", **SOMEDAY, **label, input_data=semicolons)
    shop.put("many-commas", "1,torn,10")
    (shop.root / "many-semicolons" / "a.csv").write_text("order_id;reason;weight\n2;torn, they say;20\n")
    assert shop.service.names(label="project=many") == ["many-commas", "many-semicolons"]
    for name in ("many-commas", "many-semicolons"):
        assert (await shop.service.run(name))["result_data"]["rows"] == 1


async def test_11_an_interval_below_the_minimum_is_refused(shop: Shop) -> None:
    strict = shop.start("api", ROWCALL_MIN_INTERVAL_SECONDS="3600")
    body = {"task_type": "import-csv", "input_data": {}}
    refused = strict.post("/v1/schedules", {**body, "minutes": 59}, status=422)
    assert "3600 s" in refused["errors"][0]["message"]
    refused = strict.post("/v1/schedules", {**body, "cron_expression": "*/30 * * * *"}, status=422)
    assert "3600 s" in refused["errors"][0]["message"]
    assert strict.post("/v1/schedules", {**body, "minutes": 60}, status=201)["interval_seconds"] == 3600


async def test_12_the_callback_url_is_told_of_every_run(shop: Shop) -> None:
    async with receiving(Receiver()) as receiver:
        shop.create("telling", **SOMEDAY, callback_url=receiver.url, max_retries=0)
        await shop.service.run("telling")
        shop.put("telling", "1,torn,heavy")
        await shop.service.run("telling", "FAILED")
        await until(lambda: len(receiver.received) == 2, what="both calls")
    assert sorted(each.data["status"] for each in receiver.received) == ["FAILED", "SUCCEEDED"]
    assert {each.data["schedule_name"] for each in receiver.received} == {"telling"}
    assert all(each.is_signed_with(KEY) for each in receiver.received)


async def test_13_a_name_that_is_taken_is_a_conflict(shop: Shop) -> None:
    taken = {"name": "unique", "task_type": "import-csv", **SOMEDAY}
    shop.service.post("/v1/schedules", taken, status=201)
    conflict = shop.service.post("/v1/schedules", taken, status=409)
    assert "a schedule with this name exists already" in conflict["detail"]


async def test_14_runs_that_were_missed_are_combined_into_one(shop: Shop) -> None:
    begin = (datetime.now(UTC) - timedelta(hours=4, minutes=30)).isoformat()
    shop.create("combined", hours=1, starts_at=begin, grace_period_seconds=6 * 3600)
    ran = await shop.service.first("combined", trigger="schedule")
    assert ran["covers_after"] is None
    assert datetime.fromisoformat(ran["scheduled_for"]) == datetime.fromisoformat(begin) + timedelta(hours=4)
    assert len(shop.service.executions("combined")) == 1
    too_late = shop.create("too-late", hours=1, starts_at=begin, grace_period_seconds=300)
    missed = await shop.service.first("too-late", status="MISSED")
    assert missed["reason"] == "grace: not started within 300 s of its moment"
    assert datetime.fromisoformat(too_late["created_at"]) > datetime.fromisoformat(missed["scheduled_for"])


async def test_15_a_run_that_takes_long_is_not_overlapped(shop: Shop) -> None:
    writer = await asyncpg.connect(shop.dsn)
    try:
        async with writer.transaction():
            await writer.execute("LOCK TABLE csv_import.returns IN ACCESS EXCLUSIVE MODE")
            shop.create("slow", seconds=1)
            shop.put("slow", "1,torn,10")
            skipped = await shop.service.first("slow", status="SKIPPED")
            [running_one] = shop.service.executions("slow", status="RUNNING")
            assert skipped["reason"] == f"overlap: execution {running_one['execution_id']} was still open"
        assert (await shop.service.ended(running_one["execution_id"]))["result_data"]["rows"] == 1
    finally:
        await writer.close()
    shop.service.post("/v1/schedules/slow/pause")
