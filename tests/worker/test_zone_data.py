"""An upgrade of the time zone data, one replica at a time: workers are processes, and each has a package of its own."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from signal import SIGTERM

import pytest

from rowcall.domain.zones import tzdata_version
from tests.worker.conftest import StartWorker
from tests.worker.processes import WorkerProcess
from tests.worker.schedules import Schedules
from tests.worker.waiting import until

OLDER = "2020a"


@pytest.fixture
def older_data(tmp_path: Path) -> str:
    """A folder with a tzdata that calls itself older, and has Tokyo's clock an hour behind, where Shanghai's is."""
    package = tmp_path / "older" / "tzdata"
    shutil.copytree(Path(str(files("tzdata"))), package)
    shutil.copy(package / "zoneinfo" / "Asia" / "Shanghai", package / "zoneinfo" / "Asia" / "Tokyo")
    source = package / "__init__.py"
    source.write_text(source.read_text().replace(f'"{tzdata_version()}"', f'"{OLDER}"'))
    assert OLDER in source.read_text()
    return str(package.parent)


async def next_hour(schedules: Schedules) -> int | None:
    moment: datetime | None = await schedules.db.fetchval("SELECT next_run_at FROM rowcall.schedules")
    return None if moment is None else moment.astimezone(UTC).hour


async def has_said(worker: WorkerProcess, event: str) -> None:
    await until(lambda: event in worker.log, what=f"{event} in the log of {worker.pid}")


async def stops(worker: WorkerProcess) -> None:
    worker.signal(SIGTERM)
    assert await worker.ended() == 0


async def test_newer_zone_data_moves_what_is_planned_once_the_last_worker_with_older_data_has_ended(
    schedules: Schedules, start_worker: StartWorker, older_data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = datetime.now(UTC) + timedelta(days=100)
    await schedules.db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, cron_expression, timezone)"
        " VALUES ('early', 'work', 'cron', $1, 'Asia/Tokyo')",
        f"0 9 {min(far.day, 28)} {far.month} *",
    )
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", older_data)
        older = start_worker()
        await has_said(older, "zone_data_adopted")

    async def planned_for(hour: int) -> None:
        async def is_planned() -> bool:
            return await next_hour(schedules) == hour

        await until(is_planned, what=f"a run at {hour}")

    await planned_for(1)
    newer = start_worker()
    await has_said(newer, "zone_data_differs")
    assert (await next_hour(schedules), "zone_data_adopted" in newer.log) == (1, False)

    await stops(older)
    await has_said(newer, "zone_data_adopted")
    assert await next_hour(schedules) == 0
    assert await schedules.db.fetchval("SELECT tzdata_version FROM rowcall.installation") == tzdata_version()

    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", older_data)
        late = start_worker()
        await has_said(late, "zone_data_is_older")
    assert await next_hour(schedules) == 0
