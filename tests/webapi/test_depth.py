"""What is nested deeply in the database, whoever wrote it, can be read: no page of a list is an error because of it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from rowcall.domain.documents import MAX_DEPTH_TOLD, TOO_DEEP
from rowcall.store.jsonb import MOST_NESTED
from rowcall.wire.executions import ExecutionList
from rowcall.wire.schedules import ScheduleList
from tests.store.stories import older
from tests.webapi.answers import faults
from tests.webapi.conftest import CreateSchedule
from tests.webapi.ledger import a_row
from tests.webapi.test_executions import NOON

DEPTHS = [MAX_DEPTH_TOLD - 1, MAX_DEPTH_TOLD, MAX_DEPTH_TOLD + 1, 300, MOST_NESTED]


def text_of(depth: int) -> str:
    """JSON that is nested so deep."""
    return '{"a":' * (depth - 1) + "[1]" + "}" * (depth - 1)


def walk(value: Any) -> tuple[int, Any]:
    """How deep the first thing stands in which nothing stands, and what it is."""
    depth = 0
    while isinstance(value, (dict, list)):
        value, depth = (value["a"] if isinstance(value, dict) else value[0]), depth + 1
    return depth, value


@pytest.mark.parametrize("depth", DEPTHS)
async def test_a_result_that_is_nested_deeply_is_told_as_far_as_readers_read(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any, depth: int
) -> None:
    created = await a_schedule(name="deep")
    row = await a_row(db, created["schedule_id"], NOON)
    await db.execute(
        "UPDATE rowcall.schedule_executions SET result_data = $1, input_data = $1 WHERE execution_id = $2",
        text_of(depth), row,
    )  # fmt: skip

    for url in ("/v1/executions", "/v1/schedules/deep/executions", f"/v1/executions/{row}"):
        answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        for execution in told.get("executions", [told]):
            expected = (depth, 1) if depth <= MAX_DEPTH_TOLD else (MAX_DEPTH_TOLD, TOO_DEEP)
            assert walk(execution["result_data"]) == walk(execution["input_data"]) == expected
    ExecutionList.model_validate_json((await client.get("/v1/executions")).content)


@pytest.mark.parametrize("depth", DEPTHS)
async def test_a_schedule_that_sql_nested_deeply_is_listed(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any, depth: int
) -> None:
    created = await a_schedule(name="deep")
    text = f"'{text_of(depth)}'"
    columns = f"input_data = {text}, labels = {text}, cron_fields = {text}, cron_expression = NULL"
    await older(db, created["schedule_id"], columns)
    await client.post("/v1/schedules/deep/execute")

    for url in ("/v1/schedules", "/v1/schedules/deep", "/v1/executions", "/v1/audit-log"):
        answer = await client.get(url)
        assert answer.status_code == 200, answer.text
    ScheduleList.model_validate_json((await client.get("/v1/schedules")).content)


@pytest.mark.parametrize("depth", DEPTHS)
async def test_a_schedule_that_sql_nested_deeply_is_mended_by_another_input(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any, depth: int
) -> None:
    created = await a_schedule(name="deep")
    await older(db, created["schedule_id"], f"input_data = '{text_of(depth)}'")

    refused = faults(await client.patch("/v1/schedules/deep", json={"priority": 7}))
    assert refused == {"input_data": "is nested more than 64 deep"}
    for changed in (
        await client.put("/v1/schedules/deep", json={"task_type": "report", "interval_seconds": 60}),
        await client.patch("/v1/schedules/deep", json={"priority": 7}),
    ):
        assert changed.status_code == 200, changed.text
