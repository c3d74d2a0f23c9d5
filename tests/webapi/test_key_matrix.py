"""Every operation of the registry, with every kind of key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
import httpx2
import pytest

from rowcall.domain.access import Scope
from rowcall.settings import Settings
from rowcall.store.backfills import Request, plan_backfill, start_backfill
from rowcall.store.database import Database
from rowcall.store.executions import execute_schedule
from rowcall.store.schedules import find_schedule, lock_schedule
from rowcall.webapi.registry import Operation
from rowcall.webapi.resources import OPERATIONS
from tests.webapi.answers import assert_problem
from tests.webapi.key_matrix import YES, expected
from tests.webapi.keyring import ACME, KINDS, make_keyring, sent

Connection: TypeAlias = "asyncpg.Connection[Any]"

RULE = {"task_type": "report", "interval_seconds": 3600}
BODIES: Mapping[str, Mapping[str, Any]] = {
    "POST /v1/schedules": RULE,
    "PUT /v1/schedules/{id}": RULE,
    "PATCH /v1/schedules/{id}": {"priority": 7},
    "POST /v1/bulk/pause": {"labels": {"team": "x"}},
    "POST /v1/bulk/resume": {"labels": {"team": "x"}},
    "POST /v1/bulk/delete": {"labels": {"team": "x"}},
    "POST /v1/bulk/execute": {"labels": {"team": "x"}},
    "POST /v1/preview": {"interval_seconds": 60},
    "POST /v1/schedules/{id}/backfill": {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
}
"""What is sent where an empty object would not do."""


@dataclass(frozen=True)
class Things:
    """A schedule, an execution, a backfill and a webhook of acme's."""

    schedule_id: int
    execution_id: int
    backfill_id: int
    delivery_id: int

    def path(self, operation: Operation) -> str:
        """The operation's path, on these."""
        kinds = {"executions": self.execution_id, "backfills": self.backfill_id, "webhooks": self.delivery_id}
        found = kinds.get(operation.path.split("/")[2], self.schedule_id) if "{" in operation.path else 0
        return operation.path.replace("{id}", str(found))


@pytest.fixture
def settings() -> Settings:
    return Settings(auth="keys", requests_per_minute=0)


@pytest.fixture
async def keyring(database: Database) -> Mapping[str, str | None]:
    return await make_keyring(database)


@pytest.fixture
async def acmes(db: Connection, database: Database, tasks: list[str]) -> Things:
    """What acme has."""
    schedule_id = await db.fetchval(
        "INSERT INTO rowcall.schedules (client_id, name, task_type, schedule_type, interval_seconds, created_at,"
        " starts_at, last_occurrence_at, next_occurrence_at, next_run_at) VALUES ($1, 'theirs', 'report', 'interval',"
        " 3600, '2025-12-31Z', '2026-01-01Z', date_trunc('hour', now()), now() + '1 hour', now() + '1 hour')"
        " RETURNING schedule_id",
        ACME,
    )
    async with database.transaction() as transaction:
        execution = await execute_schedule(transaction, await lock_schedule(transaction, schedule_id))
    schedule = await find_schedule(database, schedule_id)
    moments = [await db.fetchval("SELECT $1::text::timestamptz", text) for text in ("2026-02-01Z", "2026-02-02Z")]
    planned = await plan_backfill(database, schedule, *moments)
    async with database.transaction() as transaction:
        backfill = await start_backfill(transaction, schedule, planned, Request(requested_by="acme"))
    await db.execute("UPDATE rowcall.schedules SET callback_url = 'https://hooks.example.org/'")
    delivery_id = await db.fetchval(
        "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload)"
        " VALUES ($1, $2, $3, 'FAILED', 'https://hooks.example.org/', '{}') RETURNING delivery_id",
        schedule_id,
        execution["execution_id"],
        ACME,
    )
    return Things(schedule_id, execution["execution_id"], backfill["backfill_id"], delivery_id)


async def ask(client: httpx2.AsyncClient, operation: Operation, things: Things, key: str | None) -> httpx2.Response:
    """A request that the operation would do something with."""
    body = BODIES.get(f"{operation.method} {operation.path}", {}) if operation.body is not None else None
    content = None if body is None else json.dumps(body)
    headers = {**sent(key), **({} if body is None else {"Content-Type": "application/json"})}
    return await client.request(operation.method, things.path(operation), content=content, headers=headers)


async def test_every_operation_meets_every_kind_of_key_as_the_table_says(
    client: httpx2.AsyncClient, keyring: Mapping[str, str | None], acmes: Things
) -> None:
    found, meant = {}, {}
    for operation in sorted(OPERATIONS, key=lambda operation: operation.method == "DELETE"):  # these come last
        for kind in KINDS:
            answer = await ask(client, operation, acmes, keyring[kind])
            place = f"{operation.method} {operation.path} with {kind}"
            meant[place] = expected(operation, kind)
            refused = answer.status_code in {401, 403, 404}
            if refused:
                assert_problem(answer, answer.status_code)
            assert answer.status_code < 500, (place, answer.text)
            assert (answer.status_code == 401) == answer.headers.get("www-authenticate", "").endswith(
                ('"rowcall"', '"invalid_token"')
            )
            found[place] = str(answer.status_code) if refused else YES

    assert found == meant


async def test_a_read_only_key_changes_nothing(
    client: httpx2.AsyncClient, keyring: Mapping[str, str | None], acmes: Things, db: Connection
) -> None:
    before = await dump(db)
    for operation in OPERATIONS:
        await ask(client, operation, acmes, keyring[Scope.READ])

    assert await dump(db) == before


async def test_the_key_of_another_client_changes_nothing_of_what_it_does_not_own(
    client: httpx2.AsyncClient, keyring: Mapping[str, str | None], acmes: Things, db: Connection
) -> None:
    before = await dump(db)
    for operation in OPERATIONS:
        if "{" in operation.path:
            await ask(client, operation, acmes, keyring["other"])

    assert await dump(db) == before


def test_every_operation_declares_a_scope_and_only_probes_need_none() -> None:
    assert {operation.path for operation in OPERATIONS if operation.scope is None} == {"/livez", "/readyz"}


async def dump(db: Connection) -> dict[str, list[str]]:
    """Every row of every table, but for when a key was last used."""
    tables = await db.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_class AS c"
        " WHERE c.relnamespace = 'rowcall'::regnamespace AND c.relkind = 'r' ORDER BY name"
    )
    return {
        table["name"]: sorted(
            row["content"]
            for row in await db.fetch(
                f"SELECT (to_jsonb(t) - 'last_used_at')::text AS content FROM {table['name']} AS t"
            )
        )
        for table in tables
    }
