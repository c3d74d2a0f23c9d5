"""What one client may see of a ledger and an outbox that others have filled: pages cost what is its own."""

from __future__ import annotations

from typing import Any

import pytest

from rowcall.domain.access import Access, Scope
from rowcall.store import schedule_lists
from rowcall.store.database import PROBES, Database
from rowcall.store.executions import ExecutionFilter, Position, list_executions
from rowcall.store.sessions import sql
from rowcall.store.webhooks import list_deliveries
from tests.store.plans import rows_read
from tests.store.stories import ASchedule, Connection

PAGE = 100
LAST = 2**63 - 1


@pytest.fixture
async def small(db: Connection, a_schedule: ASchedule) -> list[int]:
    """Three schedules of `small`, one of them deleted, with two old rows each, beneath 40,000 newer ones of `big`.

    `big` has two hundred schedules: of a dozen, PostgreSQL would rather read everything than a twelfth of it.
    """
    own = [await a_schedule(client_id="small", name=f"own-{number}") for number in range(3)]
    others = [await a_schedule(client_id="big", name=f"other-{number}") for number in range(200)]
    await db.execute("UPDATE rowcall.schedules SET status = 'DISABLED' WHERE schedule_id = $1", own[2])
    await db.execute("SELECT rowcall.ensure_partitions('2035-06-01Z', '2035-06-04Z')")
    for whose, step, count in ((own, "30 hours", 6), (others, "5 seconds", 40000)):
        await db.execute(
            "INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, schedule_version, priority, trigger,"
            " status, task_type, input_data, finished_at)"
            " SELECT ($1::bigint[])[1 + i % cardinality($1)], '2035-06-02Z'::timestamptz + i / cardinality($1)"
            " * $2::text::interval, 1, 5, 'schedule', 'SUCCEEDED', 'work', '{}', now()"
            " FROM generate_series(0, $3::int - 1) AS i",
            whose, step, count,
        )  # fmt: skip
        await db.execute(
            "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload)"
            " SELECT ($1::bigint[])[1 + i % cardinality($1)], i, 'c', 'FAILED', 'https://h.example/', '{}'"
            " FROM generate_series(0, $2::int - 1) AS i",
            whose, count,
        )  # fmt: skip
    await db.execute("ANALYZE")
    return own


async def test_a_page_of_a_client_reads_none_of_the_rows_of_others(db: Connection, small: list[int]) -> None:
    for name, value in PROBES.items():
        await db.execute(f"SET {name} = '{value}'")
    ids = [str(number) for number in small]
    read = {
        "whose": await rows_read(db, "ids_of_client", "small", 501, True),
        "executions": await rows_read(db, "list_executions_of_schedules", ids, PAGE, *[None] * 7),
        "those that failed": await rows_read(db, "list_executions_of_schedules", ids, PAGE, ["FAILED"], *[None] * 6),
        "deliveries": await rows_read(db, "list_deliveries_of_schedules", ids, LAST, PAGE, None),
    }
    assert {name: count for name, count in read.items() if count > 2 * 6} == {}


async def test_a_page_of_a_few_reads_about_two_pages_however_many_they_are(db: Connection, small: list[int]) -> None:
    others = [str(row["schedule_id"]) for row in await db.fetch("SELECT schedule_id FROM rowcall.schedules")]
    for name, value in PROBES.items():
        await db.execute(f"SET {name} = '{value}'")
    most = 2 * len(others) + PAGE
    assert await rows_read(db, "list_executions_of_schedules", others, PAGE, *[None] * 7) <= most
    assert await rows_read(db, "list_deliveries_of_schedules", others, LAST, PAGE, None) <= most


@pytest.mark.parametrize("page", [1, 7, 100, 1000])
async def test_pages_of_a_few_hold_the_newest_of_all_of_them(db: Connection, small: list[int], page: int) -> None:
    """However they are shared: most of a page may be of one schedule, and many rows of one moment."""
    await db.execute(
        "DELETE FROM rowcall.schedule_executions WHERE schedule_id % 3 = 0 AND scheduled_for >= '2035-06-02 00:03Z'"
    )
    await db.execute("DELETE FROM rowcall.webhook_deliveries WHERE schedule_id % 3 = 0 AND execution_id >= 10000")
    few = [row["schedule_id"] for row in await db.fetch("SELECT schedule_id FROM rowcall.schedules LIMIT 90")]
    newest = await db.fetch(
        "SELECT execution_id FROM rowcall.schedule_executions WHERE schedule_id = ANY ($1)"
        " ORDER BY scheduled_for DESC, execution_id DESC LIMIT $2",
        few, page,
    )  # fmt: skip
    told = await db.fetch(
        "SELECT delivery_id FROM rowcall.webhook_deliveries WHERE schedule_id = ANY ($1)"
        " ORDER BY delivery_id DESC LIMIT $2",
        few, page,
    )  # fmt: skip

    executions = await db.fetch(sql("list_executions_of_schedules"), few, page, *[None] * 7)
    deliveries = await db.fetch(sql("list_deliveries_of_schedules"), few, LAST, page, None)

    assert [row["execution_id"] for row in executions] == [row["execution_id"] for row in newest]
    assert [row["delivery_id"] for row in deliveries] == [row["delivery_id"] for row in told]


async def test_both_ways_to_list_what_is_a_clients_show_the_same(
    database: Database, small: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = database.acting(Access("key", "small", Scope.READ))
    executions: list[set[int]] = []
    deliveries: list[list[int]] = []
    for few in (0, 500):
        monkeypatch.setattr(schedule_lists, "FEW_LOOKED_AT", few)
        executions.append({row["execution_id"] for row in await list_executions(session, ExecutionFilter(), None, 100)})
        deliveries.append([row["delivery_id"] for row in await list_deliveries(session, None, 100)])
    assert (len(executions[0]), len(deliveries[0])) == (6, 6)
    assert executions[0] == executions[1]
    assert deliveries[0] == deliveries[1]


async def test_pages_of_a_client_hold_every_row_once(
    database: Database, db: Connection, a_schedule: ASchedule, small: list[int]
) -> None:
    session = database.acting(Access("key", "small", Scope.READ))
    found: list[Any] = []
    before, below = None, None
    delivered: list[int] = []
    while page := await list_executions(session, ExecutionFilter(), before, 2):
        found += page
        before = Position(page[-1]["scheduled_for"], page[-1]["execution_id"], is_manual=False)
    while rows := await list_deliveries(session, below, 2):
        delivered += [row["delivery_id"] for row in rows]
        below = delivered[-1]
    keys = [(row["scheduled_for"], row["execution_id"]) for row in found]
    assert len(set(keys)) == len(keys) == 6
    assert keys == sorted(keys, reverse=True)
    assert len(set(delivered)) == len(delivered) == 6
