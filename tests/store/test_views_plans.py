"""What the views read on a hundred thousand schedules, planned as for anybody, and not by probes alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import asyncpg
import pytest

from tests.store.stories import Connection
from tests.store.test_plans import FILLING, nodes, rows_out_of

SCHEDULES, DUE, OPEN, LANES, DAY = 105_000, 50_000, 20_000, 40, 30_000

QUESTIONS: Mapping[str, int] = {
    "v_installation": 10,
    "v_schedules WHERE schedule_id = 77": 1,
    "v_versions WHERE schedule_id = 77": 1,
    "v_workers WHERE is_alive": 2 * OPEN,
    "v_executions WHERE schedule_id = 77": 20,
    "v_executions WHERE scheduled_for > now() - interval '1 hour'": SCHEDULES + DAY,
    "v_open": 5 * OPEN,
    "v_running": 5 * OPEN,
    "v_overdue LIMIT 20": DUE + 40 * LANES,
    "v_unroutable": DUE + 40 * LANES,
    "v_upcoming": 130 * LANES,
    "v_failures": 4 * DAY,
    "v_not_run": 4 * DAY,
    "v_schedule_health WHERE schedule_id = 77": 200,
    "v_schedule_health WHERE client_id = 'default' AND name = 's77'": 200,
    "v_backlog": DUE + 3 * OPEN + 40 * LANES,
    "v_history": 100_000,
    "v_locks": 100,
    "v_snapshots": 100,
    "v_metrics": 4 * DUE + 4 * OPEN,
}
"""What each may read: what its comment says it reads, and a little."""


@pytest.fixture
async def crowded(db: Connection) -> Connection:
    await db.execute("SELECT rowcall.ensure_partitions(now() - interval '8 days', now() + interval '2 days')")
    await db.execute(FILLING)
    await db.execute("ANALYZE")
    return db


async def test_every_view_reads_no_more_than_its_comment_says(crowded: Connection) -> None:
    read = {question: await rows_read(crowded, question) for question in QUESTIONS}

    assert {question: rows for question, rows in read.items() if rows > QUESTIONS[question]} == {}


async def test_every_view_is_asked(db: asyncpg.Connection[Any]) -> None:
    views = await db.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'rowcall' AND viewname LIKE 'v\\_%'")
    assert {row["viewname"] for row in views} == {question.split()[0] for question in QUESTIONS}


async def rows_read(db: Connection, question: str) -> float:
    """The rows that the scans of tables read, those that a filter dropped included."""
    [[plan]] = await db.fetch(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) SELECT * FROM rowcall.{question}")
    scans = [node for node in nodes(json.loads(plan)[0]["Plan"]) if "Relation Name" in node]
    return sum(rows_out_of(node) for node in scans if not node["Relation Name"].startswith("pg_"))
