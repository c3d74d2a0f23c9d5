"""examples/csv_import: a real application on a real database, driven over HTTP, with rows to show for it."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from tests.examples.conftest import EXAMPLES, Serve, Service
from tests.worker.waiting import until

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

EXAMPLE = EXAMPLES / "csv_import"
RETURNS = {
    "name": "import-returns",
    "task_type": "import-csv",
    "input_data": {"project": "shop", "folder": "inbox/returns", "table": "returns"},
    "labels": {"project": "shop"},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the example's inbox, to put files into."""
    shutil.copytree(EXAMPLE / "inbox", tmp_path / "root" / "inbox")
    (tmp_path / "root" / "inbox" / "returns").mkdir()
    return tmp_path / "root"


@pytest.fixture
async def tables(db: Connection) -> Connection:
    """The example's tables, and one more that the API is told of."""
    await db.execute((EXAMPLE / "tables.sql").read_text())
    await db.execute("CREATE TABLE csv_import.returns (order_id bigint, reason text, weight int)")
    return db


@pytest.fixture
def service(serve: Serve, tables: Connection, root: Path) -> Service:
    return serve("csv_import", "--app", "importer:app", CSV_IMPORT_ROOT=str(root), CSV_IMPORT_EVERY_SECONDS="1")


async def test_the_static_schedule_imports_the_files_that_are_there_and_those_that_come_each_once(
    service: Service, tables: Connection, root: Path
) -> None:
    await until(lambda: tables.fetchval("SELECT count(*) = 5 FROM csv_import.orders"), what="the sample's five orders")
    late = root / "inbox" / "orders" / "late.csv"
    late.with_suffix(".new").write_text("order_id,customer,ordered_on,amount\n1006,Annie Easley,2026-11-22,1.00\n")
    late.with_suffix(".new").rename(late)
    await until(lambda: tables.fetchval("SELECT count(*) = 6 FROM csv_import.orders"), what="the order that came late")
    await until(lambda: tables.fetchval("SELECT count(*) > 3 FROM rowcall.schedule_executions"), what="more runs")

    assert await tables.fetchval("SELECT sum(amount) FROM csv_import.orders") == Decimal("511.90")
    [schedule] = service.get("/v1/schedules")["schedules"]
    assert (schedule["name"], schedule["is_static"], schedule["source"]) == ("import-orders", True, "csv-import")
    assert service.process.stop() == 0
    rows = await tables.fetch("SELECT status, result_data FROM rowcall.schedule_executions ORDER BY scheduled_for")
    assert {row["status"] for row in rows} <= {"SUCCEEDED", "SKIPPED"}  # on a slow machine a second is too short
    assert rows[0]["result_data"] == '{"rows": 5, "imported": {"2026-11-20.csv": 3, "2026-11-21.csv": 2}}'
    files = await tables.fetch(
        "SELECT f.file, e.status FROM csv_import.files AS f JOIN rowcall.schedule_executions AS e USING (execution_id)"
        " ORDER BY f.file"
    )
    assert [tuple(row) for row in files] == [
        ("2026-11-20.csv", "SUCCEEDED"), ("2026-11-21.csv", "SUCCEEDED"), ("late.csv", "SUCCEEDED"),
    ]  # fmt: skip


async def test_a_schedule_from_the_api_is_paused_executed_and_resumed(
    service: Service, tables: Connection, root: Path
) -> None:
    inbox = root / "inbox" / "returns"
    created = service.post("/v1/schedules", {**RETURNS, "interval_seconds": 1}, status=201)
    assert (created["source"], created["status"]) == ("api", "ACTIVE")
    await service.first("import-returns", trigger="schedule")

    paused = service.post("/v1/schedules/import-returns/pause", {"reason": "stocktaking"})
    assert paused["status"] == "PAUSED"
    assert "stocktaking" in paused["status_reason"]
    (inbox / "a.csv").write_text('order_id,reason,weight\n1002,"too small, she says",300\n')
    service.post("/v1/schedules/import-returns/execute", status=201)
    manual = await service.first("import-returns", trigger="manual")
    assert manual["result_data"] == {"rows": 1, "imported": {"a.csv": 1}}

    (inbox / "b.csv").write_text("order_id,reason,weight\n1004,broken,900\n")
    (inbox / "a-again.csv").write_bytes((inbox / "a.csv").read_bytes())
    assert service.post("/v1/schedules/import-returns/resume")["status"] == "ACTIVE"
    await until(lambda: tables.fetchval("SELECT count(*) = 2 FROM csv_import.returns"), what="the second return")

    found = await tables.fetch("SELECT order_id, reason, weight FROM csv_import.returns ORDER BY order_id")
    assert [tuple(row) for row in found] == [(1002, "too small, she says", 300), (1004, "broken", 900)]
    [schedule] = service.get("/v1/schedules", label="project=shop", text="returns")["schedules"]
    assert schedule["schedule_id"] == created["schedule_id"]


async def test_a_file_with_a_bad_line_is_left_out_as_a_whole_and_named_and_stops_no_other(
    service: Service, tables: Connection, root: Path
) -> None:
    inbox = root / "inbox" / "returns"
    (inbox / "bad.csv").write_text("order_id,reason,weight\n1,fine,1\n2,not so,heavy\n")
    (inbox / "good.csv").write_text("order_id,reason,weight\n3,fine,1\n")
    service.post("/v1/schedules", {**RETURNS, "cron_expression": "0 0 1 1 *", "max_retries": 0}, status=201)
    failed = await service.run("import-returns", "FAILED")
    assert 'bad.csv: invalid input syntax for type integer: "heavy"' in failed["error_message"]
    assert await tables.fetchval("SELECT array_agg(order_id) FROM csv_import.returns") == [3]

    (inbox / "bad.csv").write_text("order_id,reason,weight\n1,fine,1\n2,not so,5\n")
    assert (await service.run("import-returns"))["result_data"] == {"rows": 2, "imported": {"bad.csv": 2}}


async def test_a_folder_outside_the_root_is_not_read(service: Service) -> None:
    outside = {**RETURNS["input_data"], "folder": "../.."}  # type: ignore[dict-item]  # of a literal's values
    body = {**RETURNS, "input_data": outside, "cron_expression": "0 0 1 1 *", "max_retries": 0}
    service.post("/v1/schedules", body, status=201)
    assert "is not below" in (await service.run("import-returns", "FAILED"))["error_message"]
