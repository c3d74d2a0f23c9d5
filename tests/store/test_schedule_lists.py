"""Pages of schedules: every way to read one shows the same, and none reads much more than it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from rowcall.domain.access import Access, Scope
from rowcall.store import schedule_lists
from rowcall.store.database import PROBES, Database
from rowcall.store.monitoring import stats
from rowcall.store.schedule_lists import ScheduleFilter, list_schedules
from tests.store.plans import rows_read
from tests.store.stories import DEFINITION_CHANGES, ASchedule, Connection

ALL = ["ACTIVE", "PAUSED", "COMPLETED", "INVALID"]
TERMS = "SELECT term FROM rowcall.schedule_terms WHERE schedule_id = $1 ORDER BY term"
OUGHT = (
    "SELECT one FROM rowcall.schedules AS s, unnest(rowcall.terms_of(s)) AS one WHERE s.schedule_id = $1 ORDER BY one"
)


# ── what is found ─────────────────────────────────────────────────────────────────────────────────────────────────────

SIDES: Mapping[str, list[Any]] = {
    "statuses": [(), ("PAUSED",), ("DISABLED", "PAUSED"), ("ACTIVE", "DISABLED")],
    "client_id": [None, "acme", "nobody"],
    "task_type": [None, "rare"],
    "labels": [None, {"team": "a"}, {"team": "a", "project": "x" * 500}],
    "is_static": [None, True, False],
}


@pytest.fixture
async def some(db: Connection, a_schedule: ASchedule) -> None:
    """Schedules of every kind that filters ask for."""
    kinds = product(
        ("acme", "other"),
        ("ACTIVE", "PAUSED", "DISABLED"),
        ("work", "rare"),
        ({}, {"team": "a"}, {"team": "a", "project": "x" * 500}, {"team": "a", "project": "x" * 500 + "y"}),
        (False, True),
    )
    for number, (client, status, task, labels, is_static) in enumerate(kinds):
        schedule_id = await a_schedule(
            client_id=client, task_type=task, labels=labels, is_static=is_static, name=f"n{number}"
        )
        await db.execute("UPDATE rowcall.schedules SET status = $2 WHERE schedule_id = $1", schedule_id, status)


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize("counted_through", [0, 1000])
async def test_every_way_to_a_page_shows_the_same(
    database: Database, db: Connection, counted_through: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way is held to be the shortest: what comes is what a reader of all of them would have picked."""
    monkeypatch.setattr(schedule_lists, "COUNTED_THROUGH", counted_through)
    everything = await list_schedules(database, ScheduleFilter(include_disabled=True), 0, 1000)
    for values in product(*SIDES.values()):
        wanted = ScheduleFilter(**dict(zip(SIDES, values, strict=True)))
        expected = [row["schedule_id"] for row in everything if fits(row, wanted)]
        found = [row["schedule_id"] for row in await list_schedules(database, wanted, 0, 1000)]
        assert found == expected, wanted
        if len(expected) > 3:
            page = await list_schedules(database, wanted, expected[1], 2)
            assert [row["schedule_id"] for row in page] == expected[2:4], wanted


def fits(row: Mapping[str, Any], wanted: ScheduleFilter) -> bool:
    return (
        row["status"] in wanted.wanted_statuses
        and (wanted.client_id is None or row["client_id"] == wanted.client_id or row["is_static"])
        and wanted.task_type in {None, row["task_type"]}
        and (wanted.labels or {}).items() <= row["labels"].items()
        and wanted.is_static in {None, row["is_static"]}
    )


@pytest.mark.usefixtures("some")
async def test_who_is_confined_to_a_client_finds_its_own_and_what_is_static(database: Database) -> None:
    session = database.acting(Access("key", "acme", Scope.READ))
    everything = await list_schedules(database, ScheduleFilter(), 0, 1000)
    for client_id in (None, "acme"):
        found = await list_schedules(session, ScheduleFilter(client_id=client_id, labels={"team": "a"}), 0, 1000)
        assert [row["schedule_id"] for row in found] == [
            row["schedule_id"]
            for row in everything
            if (row["client_id"] == "acme" or row["is_static"]) and row["labels"].get("team") == "a"
        ]


@pytest.mark.usefixtures("some")
async def test_what_is_counted_for_a_client_is_what_it_has(database: Database) -> None:
    everything = await list_schedules(database, ScheduleFilter(), 0, 1000)
    for client_id in ("acme", "nobody"):
        counted = await stats(database.acting(Access("key", client_id, Scope.READ)), 1)
        own = [row["status"] for row in everything if row["client_id"] == client_id and not row["is_static"]]
        assert counted.schedules == Counter(own)


# ── the terms are kept ────────────────────────────────────────────────────────────────────────────────────────────────


async def terms_of(db: Connection, schedule_id: int) -> list[str]:
    """Those that a schedule has; they are those that it ought to have."""
    found = [row["term"] for row in await db.fetch(TERMS, schedule_id)]
    assert found == [row["one"] for row in await db.fetch(OUGHT, schedule_id)]
    return found


async def test_terms_follow_every_change_of_a_schedule(db: Connection, a_schedule: ASchedule) -> None:
    schedule_id = await a_schedule(client_id="acme", labels={"team": "a", "stage": "live"})
    assert await terms_of(db, schedule_id) == ["client:acme", "label:stage=live", "label:team=a", "task:work"]

    await db.execute('UPDATE rowcall.schedules SET task_type = \'other\', labels = \'{"team": "b", "n": 1}\'')
    assert await terms_of(db, schedule_id) == ["client:acme", "label:n=1", "label:team=b", "task:other"]

    await db.execute("UPDATE rowcall.schedules SET status = 'PAUSED', labels = '{\"none\": null, \"deep\": [1]}'")
    assert await terms_of(db, schedule_id) == ["client:acme", "label:deep=[1]", "task:other"]

    await db.execute("UPDATE rowcall.schedules SET is_static = true")
    assert await terms_of(db, schedule_id) == ["client:acme", "label:deep=[1]", "static:", "task:other"]

    await db.execute("UPDATE rowcall.schedules SET status = 'DISABLED', is_static = false")
    assert await terms_of(db, schedule_id) == []

    await db.execute("UPDATE rowcall.schedules SET status = 'ACTIVE'")
    assert await terms_of(db, schedule_id) == ["client:acme", "label:deep=[1]", "task:other"]

    for change in DEFINITION_CHANGES:
        await db.execute(f"UPDATE rowcall.schedules SET {change}")
        assert await terms_of(db, schedule_id) != [], change

    await db.execute("DELETE FROM rowcall.schedules")
    assert await db.fetch("SELECT FROM rowcall.schedule_terms") == []


async def test_a_run_writes_no_terms(db: Connection, a_schedule: ASchedule) -> None:
    await a_schedule()
    before = await db.fetchval("SELECT array_agg(xmin::text) FROM rowcall.schedule_terms")
    await db.execute("UPDATE rowcall.schedules SET next_run_at = now(), total_runs = 1, last_status = 'FAILED'")
    assert await db.fetchval("SELECT array_agg(xmin::text) FROM rowcall.schedule_terms") == before


# ── what is read ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def many(db: Connection) -> None:
    """50,000 schedules: half are one client's, one in a hundred is paused, twenty are static, a hundred a project's."""
    await db.execute("SET session_replication_role = replica")
    await db.execute(
        "INSERT INTO rowcall.schedules "
        "(client_id, name, task_type, route, schedule_type, cron_expression, is_static, status, next_run_at, labels) "
        "SELECT CASE i % 2 WHEN 0 THEN 'big' ELSE 'small-' || i % 500 END, 'n-' || i, task, task, 'cron', "
        "'@daily', i % 2500 = 1, CASE i % 100 WHEN 0 THEN 'PAUSED' ELSE 'ACTIVE' END, "
        "CASE WHEN i % 100 > 0 THEN now() END, jsonb_build_object('project', 'p' || i % 500, 'stage', 'live') "
        "FROM generate_series(1, 50000) AS i, "
        "LATERAL (SELECT CASE WHEN i > 49900 THEN 'rare' ELSE 'work' END AS task) AS t"
    )
    await db.execute(
        "INSERT INTO rowcall.schedule_terms (term, schedule_id)"
        " SELECT unnest(rowcall.terms_of(s)), s.schedule_id FROM rowcall.schedules AS s"
    )
    await db.execute(
        "INSERT INTO rowcall.schedule_names (client_id, name, schedule_id)"
        " SELECT s.client_id, s.name, s.schedule_id FROM rowcall.schedules AS s"
    )
    await db.execute("SET session_replication_role = origin")
    await db.execute("VACUUM ANALYZE rowcall.schedules, rowcall.schedule_names, rowcall.schedule_terms")


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
async def test_no_page_reads_much_more_than_it_shows(db: Connection, plan: str) -> None:
    for name, value in {**PROBES, "plan_cache_mode": plan}.items():
        await db.execute(f"SET {name} = '{value}'")
    nothing = [None] * 6
    of_task, of_project = ["rare", *[None] * 5], [None, None, '{"project": "p7"}', *[None] * 3]
    read = {
        "all": await rows_read(db, "list_schedules", 0, 100, ALL, *nothing, None),
        "deep": await rows_read(db, "list_schedules", 40000, 100, ALL, *nothing, None),
        "big client": await rows_read(db, "list_schedules_by_term", 0, 100, ALL, *nothing, "big", "client:big"),
        "its last": await rows_read(db, "list_schedules_by_term", 49000, 100, ALL, *nothing, "big", "client:big"),
        "small client": await rows_read(
            db, "list_schedules_by_term", 0, 100, ALL, *nothing, "small-3", "client:small-3"
        ),
        "rare task": await rows_read(db, "list_schedules_by_term", 0, 100, ALL, *of_task, None, "task:rare"),
        "project": await rows_read(db, "list_schedules_by_term", 0, 100, ALL, *of_project, None, "label:project=p7"),
        "project of a big client": await rows_read(
            db, "list_schedules_by_term", 0, 100, ALL, *of_project, "big", "label:project=p7"
        ),
        "static ones": await rows_read(db, "list_schedules_by_term", 0, 100, ALL, *nothing[:-1], True, None, "static:"),
        "static ones of a client": await rows_read(
            db, "list_schedules_by_term", 0, 100, ALL, *nothing[:-1], True, "small-3", "static:"
        ),
        "static ones of a source": await rows_read(db, "find_static", "sql"),
        "paused": await rows_read(db, "list_schedules_by_status", 0, 100, ["PAUSED", "INVALID"], *nothing, None),
        "one by name": await rows_read(db, "find_schedule", None, "big", "n-2", "big"),
        "one to change": await rows_read(db, "lock_schedule", None, "big", "n-2", "big"),
        "the id of one": await rows_read(db, "resolve_schedule", "big", "n-2", "big"),
        "one that is another's": await rows_read(db, "lock_schedule", 7, None, None, "big"),
        "counted for a client": await rows_read(db, "count_schedules_of_client", "small-3"),
        "due of a client": await rows_read(db, "due_routes_of_client", "small-3"),
    }
    assert {name: count for name, count in read.items() if count > 250} == {}
    ways = ["label:project=p7", "label:stage=live", "task:work", "client:big"]
    assert await rows_read(db, "rarest_term", ways, 1000, None) <= 3 * 1000 + 100


@pytest.mark.usefixtures("many")
async def test_the_shortest_way_is_taken(database: Database) -> None:
    for terms, inactive, shortest in (
        (["label:stage=live", "task:rare", "client:big"], None, "task:rare"),
        (["label:stage=live", "task:work"], None, "label:stage=live"),
        (["label:stage=live", "label:project=p7"], ["PAUSED"], "label:project=p7"),
        (["label:stage=live", "client:big"], ["PAUSED"], None),
        (["client:nobody", "client:big"], ["PAUSED"], "client:nobody"),
    ):
        assert await database.fetchval("rarest_term", terms, 1000, inactive) == shortest


@pytest.mark.usefixtures("many")
async def test_what_a_client_with_many_has_is_counted_too(db: Connection, database: Database) -> None:
    await db.execute("UPDATE rowcall.schedules SET is_static = true WHERE schedule_id % 5000 IN (0, 2)")
    await db.execute("UPDATE rowcall.schedules SET status = 'DISABLED' WHERE schedule_id % 4000 = 0")
    there = await db.fetch(
        "SELECT status, count(*) FROM rowcall.schedules"
        " WHERE client_id = 'big' AND NOT is_static AND status <> 'DISABLED' GROUP BY status"
    )
    counted = await database.fetch("count_schedules_of_client", "big")
    assert {row["status"]: row["schedules"] for row in counted} == {row["status"]: row["count"] for row in there}
    assert {row["status"] for row in there} == {"ACTIVE", "PAUSED"}


@pytest.mark.usefixtures("many")
async def test_what_is_due_of_a_client_with_many_is_found_among_what_is_due(db: Connection, database: Database) -> None:
    await db.execute("SET session_replication_role = replica")
    await db.execute("UPDATE rowcall.schedules SET next_run_at = now() + interval '1 day' WHERE status = 'ACTIVE'")
    await db.execute(
        "UPDATE rowcall.schedules SET next_run_at = now() - make_interval(mins => schedule_id::int % 7)"
        " WHERE status = 'ACTIVE' AND schedule_id > 49870"
    )
    await db.execute("SET session_replication_role = origin")
    await db.execute("VACUUM ANALYZE rowcall.schedules")
    there = await db.fetch(
        "SELECT route, min(next_run_at) AS due_since FROM rowcall.schedules"
        " WHERE client_id = 'big' AND NOT is_static AND next_run_at <= now() GROUP BY route"
    )
    found = await database.fetch("due_routes_of_client", "big")
    assert {row["route"]: row["due_since"] for row in found} == {row["route"]: row["due_since"] for row in there}
    assert {row["route"] for row in there} == {"work", "rare"}
    for plan in ("force_custom_plan", "force_generic_plan"):
        for name, value in {**PROBES, "plan_cache_mode": plan}.items():
            await db.execute(f"SET {name} = '{value}'")
        assert await rows_read(db, "due_routes_of_client", "big") <= 1001 + 2 * 130
