"""An API, and commands, on a host whose clock is wrong by an hour: what is "now" is for PostgreSQL to say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx2

from tests.cli.processes import rowcall_process
from tests.wrong_clock import environment_of, on_wrong_clocks

API = r"API +(http://\S+)/v1/schedules"
MUCH = timedelta(minutes=2)
"""More than anything takes here, and much less than the hour that the clock is off."""


async def value(dsn: str, sql: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def about(moment: str, expected: datetime) -> bool:
    return abs(datetime.fromisoformat(moment) - expected) < MUCH


async def lines_of(*arguments: str, **environment: Any) -> list[Any]:
    """What a command that went well has written, as JSON."""
    async with rowcall_process(*arguments, "--json", **environment) as command:
        assert await command.ends() == 0, str(command)
    return [json.loads(line) for line in command.out]


@on_wrong_clocks
async def test_an_api_whose_clock_is_wrong_by_an_hour_knows_what_lies_ahead(dsn: str, shift: int) -> None:
    environment: dict[str, Any] = {"DATABASE_URL": dsn, **environment_of(shift)}
    minutes = timedelta(minutes=1)
    await value(dsn, "INSERT INTO rowcall.tasks (task_type) VALUES ('report')")
    async with (
        rowcall_process("api", "--port", "0", **environment) as api,
        httpx2.AsyncClient(base_url=(await api.says(API))[1], trust_env=False) as client,
    ):
        now = datetime.now(UTC)
        assert about((await client.get("/v1/stats")).json()["now"], now)

        async def create(**fields: Any) -> httpx2.Response:
            return await client.post("/v1/schedules", json={"task_type": "report", **fields})

        past = await create(scheduled_time=(now - 10 * minutes).isoformat())
        assert (past.status_code, "must lie in the future" in past.text) == (422, True)
        assert (await create(scheduled_time=(now + 10 * minutes).isoformat())).status_code == 201
        made = await create(name="often", cron_expression="* * * * *")
        assert about(made.json()["created_at"], now)
        assert about(made.json()["next_run_at"], now + minutes)

        preview = await client.post("/v1/preview", json={"cron_expression": "* * * * *", "count": 1})
        upcoming = await client.get("/v1/schedules/often/upcoming", params={"count": 1})
        for told in (preview, upcoming):
            [first] = told.json()["upcoming"]
            assert about(first if isinstance(first, str) else first["scheduled_for"], now + minutes)
        explained = (await client.get("/v1/schedules/often/explain")).json()
        assert explained["code"] in {"waiting", "no_worker"}
        assert about(explained["facts"]["now"], now)
        ran = await client.post("/v1/schedules/often/execute")
        assert about(ran.json()["scheduled_for"], now)


@on_wrong_clocks
async def test_commands_count_from_the_clock_of_postgresql(dsn: str, shift: int) -> None:
    environment: dict[str, Any] = {"DATABASE_URL": dsn, **environment_of(shift)}
    often = ("often", "--task", "report", "--interval", "1m", "--allow-unknown-task")
    await lines_of("schedules", "create", *often, **environment)
    await lines_of("schedules", "execute", "often", **environment)

    assert len(await lines_of("executions", "list", "--since", "5m", **environment)) == 1
    assert await lines_of("executions", "list", "--until", "5m", **environment) == []
    [key] = await lines_of("keys", "create", "--expires", "30m", **environment)
    assert about(key["expires_at"], datetime.now(UTC) + timedelta(minutes=30))
    assert await value(dsn, "SELECT expires_at > now() FROM rowcall.api_keys")
