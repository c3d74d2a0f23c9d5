"""What is nested deeper than anybody reads, as an older Rowcall let it into the tables: it is shown as text."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.store.stories import Connection, nested, older
from tests.webapi.conftest import CreateSchedule


@pytest.mark.parametrize("deep", [500, 990, 1500, 4000])
@pytest.mark.parametrize("column", ["input_data", "labels", "cron_fields"])
async def test_a_schedule_that_is_nested_too_deeply_is_shown_and_listed(
    client: httpx2.AsyncClient, db: Connection, a_schedule: CreateSchedule, column: str, deep: int
) -> None:
    timing: dict[str, Any] = {"cron_fields": {"hour": 9}, "cron_expression": None} if column == "cron_fields" else {}
    created = await a_schedule(name="deep", **timing)
    await older(db, created["schedule_id"], f"{column} = {nested(deep)}")

    shown = await client.get("/v1/schedules/deep")
    listed = await client.get("/v1/schedules")
    paused = await client.post("/v1/schedules/deep/pause")

    assert (shown.status_code, listed.status_code, paused.status_code) == (200, 200, 200)
    assert (
        shown.json()[column]
        == listed.json()["schedules"][0][column]
        == '{"a": ' + "[" * (deep - 1) + "]" * (deep - 1) + "}"
    )


async def test_an_execution_whose_input_is_nested_too_deeply_is_shown_and_listed(
    client: httpx2.AsyncClient, db: Connection, a_schedule: CreateSchedule
) -> None:
    created = await a_schedule(name="deep")
    await older(db, created["schedule_id"], f"input_data = {nested(1500)}")
    requested = await client.post("/v1/schedules/deep/execute")

    assert requested.status_code == 201
    listed = await client.get("/v1/executions")
    assert (listed.status_code, listed.json()["executions"][0]["input_data"][:8]) == (200, '{"a": [[')
