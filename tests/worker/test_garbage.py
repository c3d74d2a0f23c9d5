"""The garbage collector of a real worker: it leaves alone what the start has made, and looks seldom at the rest."""

from __future__ import annotations

import json

from rowcall.cli.garbage import SERVING
from tests.worker.conftest import StartWorker
from tests.worker.schedules import Schedules
from tests.worker.waiting import until


async def test_a_worker_looks_seldom_for_garbage_once_it_is_up(start_worker: StartWorker, schedules: Schedules) -> None:
    start_worker()

    async def found() -> dict[str, int] | None:
        row = await schedules.reaches("SUCCEEDED", await schedules.insert("look-at-the-collector"))
        result: dict[str, int] = json.loads(row["result_data"])
        return result if result["threshold"] == SERVING[0] else None

    collector = await until(found, what="the collector as it is while serving")
    assert collector["threshold"] >= 50_000
    assert collector["frozen"] > 10_000
