"""A worker goes on beside a schedule that PostgreSQL refuses to write, and does not wear itself out over it."""

from __future__ import annotations

from datetime import UTC, datetime

from structlog.testing import capture_logs

import rowcall
from tests.store.stories import A_HUNDRED_YEARS, KEEPS_IT_ACTIVE
from tests.worker.conftest import Serve
from tests.worker.schedules import Schedules
from tests.worker.serving import NEVER
from tests.worker.waiting import until

BEYOND = {"interval_seconds": A_HUNDRED_YEARS, "created_at": datetime(9000, 12, 31, tzinfo=UTC)}
DUE_FAR_AHEAD = (
    "UPDATE rowcall.schedules SET next_occurrence_at = '9050-01-01Z', next_run_at = now() WHERE schedule_id = $1"
)

app = rowcall.App("refused")


@app.task("pass")
async def do_nothing() -> None:
    pass


async def test_a_worker_goes_on_beside_rows_that_are_refused(serve: Serve, schedules: Schedules) -> None:
    unplannable = await schedules.insert("pass", **BEYOND)
    unstartable = await schedules.insert("pass", interval_seconds=A_HUNDRED_YEARS)
    await schedules.db.execute(DUE_FAR_AHEAD, unstartable)

    await serve(app)
    await schedules.reaches("SUCCEEDED", await schedules.insert("pass"))

    for refused in (unplannable, unstartable):
        row = await schedules.row(refused)
        assert (row["status"], row["status_reason"]) == (
            "INVALID",
            "refused: schedule: refused by the database: moments in our era",
        )


async def test_a_worker_does_not_spin_on_a_row_that_cant_even_be_set_aside(serve: Serve, schedules: Schedules) -> None:
    stuck = await schedules.insert("pass", interval_seconds=A_HUNDRED_YEARS)
    await schedules.db.execute(DUE_FAR_AHEAD, stuck)
    await schedules.db.execute(KEEPS_IT_ACTIVE)
    ticking = await schedules.insert("pass", interval_seconds=1, priority=9)

    async def has_run_thrice() -> bool:
        return len(await schedules.executions(ticking)) >= 3

    with capture_logs() as lines:
        await serve(app, notifications=False, poll_interval_seconds=NEVER)
        await until(has_run_thrice, what="three runs of what ticks")

    refusals = [line for line in lines if line["event"] == "schedule_refused"]
    assert {(line["schedule_id"], line["log_level"]) for line in refusals} == {(stuck, "error")}
    assert len(refusals) <= 12, "a few looks a tick, and not forty a second"
    assert (await schedules.row(stuck))["status"] == "ACTIVE"
