"""What type checkers know of the client, and what importing it costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from rowcall.client.fields import Changes, Fields, Trigger
from rowcall.domain.fields import ScheduleFields, TriggerFields
from tests.client.support import ROOT

SAMPLE = """\
import rowcall
from rowcall.client import Conflict, Invalid


def wait() -> str:
    with rowcall.Client("https://example.org", retries=2) as client:
        try:
            schedule = client.schedules.create(name="n", task_type="t", cron_expression="@daily", labels={"a": "b"})
        except Conflict as taken:
            return taken.detail
        except Invalid as invalid:
            return invalid.faults[0].message
        reveal_type(schedule)
        client.schedules.update(schedule.schedule_id, if_match=schedule, priority=None)
        for found in client.schedules.list(status=["ACTIVE"], limit=3):
            reveal_type(found)
        reveal_type(client.executions.wait(client.schedules.execute("n", {"a": 1}), timeout=5))
        reveal_type(client.schedules.delete)
    return schedule.name


async def be_awaited() -> int:
    async with rowcall.AsyncClient() as client:
        reveal_type(await client.schedules.get("n"))
        async for execution in client.schedules.executions("n"):
            reveal_type(execution)
        return (await client.stats()).running
"""
REVEALED = [
    "rowcall.client.schedules.Schedule",
    "rowcall.wire.schedules.ScheduleView",
    "rowcall.wire.executions.ExecutionView",
    "def (schedule: str | int, *, client_id: str | None =, if_match: rowcall.client.schedules.Schedule | str | None =)",
    "rowcall.client.schedules.Schedule",
    "rowcall.wire.executions.ExecutionView",
]
MISTAKES = {
    'client.schedules.create(nme="n")': 'Unexpected keyword argument "nme"',
    'client.schedules.create(priority="high")': 'Argument "priority"',
    'client.schedules.execute("n", wiat=True)': 'Unexpected keyword argument "wiat"',
    "client.executions.get()": "Too few arguments",
    'client.schedules.get("n").nme': 'has no attribute "nme"',
    "client.preview(count=1.5)": 'Argument "count"',
}


def mypy(text: str, folder: Path) -> str:
    (folder / "sample.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), "sample.py"]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    return done.stdout


def test_type_checkers_see_what_comes_back_and_what_is_wrong(tmp_path: Path) -> None:
    wrong = "".join(f"    {mistake}\n" for mistake in MISTAKES)
    told = mypy(f"{SAMPLE}\n\ndef go_wrong(client: rowcall.Client) -> None:\n{wrong}", tmp_path)
    revealed = re.findall(r'Revealed type is "(.*)"', told)
    assert [seen.startswith(known) for seen, known in zip(revealed, REVEALED, strict=True)] == [True] * len(REVEALED), (
        told
    )
    errors = re.findall(r"sample\.py:\d+: error: (.*)", told)
    for error, expected in zip(errors, MISTAKES.values(), strict=True):
        assert expected in error, told


@pytest.mark.parametrize(("given", "judged"), [(Trigger, TriggerFields), (Fields, ScheduleFields)])
def test_the_arguments_are_the_fields_that_the_api_judges(given: type, judged: type[TriggerFields]) -> None:
    assert set(get_type_hints(given)) == set(judged.model_fields)
    assert set(get_type_hints(Fields)) - set(get_type_hints(Changes)) == {"client_id"}


def loaded_by(statement: str) -> set[str]:
    heavy = "{'asyncpg', 'starlette', 'uvicorn', 'httpx2', 'httpcore2', 'pydantic', 'asyncio', 'rowcall.store'}"
    command = [sys.executable, "-c", f"import sys; {statement}; print(*{heavy} & set(sys.modules))"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split())


def test_importing_rowcall_loads_no_client_and_no_server() -> None:
    assert not loaded_by("import rowcall") & {"asyncpg", "starlette", "uvicorn", "httpx2", "httpcore2", "pydantic"}


def test_importing_the_client_loads_no_server_and_no_database() -> None:
    loaded = loaded_by("import rowcall; rowcall.Client")
    assert "httpx2" in loaded
    assert not loaded & {"asyncpg", "starlette", "uvicorn", "rowcall.store"}
