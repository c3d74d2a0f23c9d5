"""The runner as the worker's loop uses it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
import uvloop
from structlog.testing import capture_logs

import rowcall
from rowcall.domain.executions import ExecutionStatus, Outcome

from . import process_tasks
from .helpers import a_run, a_runner, until


def hang(app: rowcall.App, isolation: str) -> str:
    """Register a task that never ends by itself."""
    if isolation == "async":

        @app.task("hang")
        async def hang_async() -> None:
            await asyncio.Event().wait()

    elif isolation == "thread":

        @app.task("hang")
        def hang_thread(run: rowcall.Run) -> None:
            run.wait_cancelled(60)

    else:
        app.task("hang", isolation="process")(process_tasks.wait_for_the_signal)
    return "hang"


async def test_a_task_type_that_is_not_here_is_a_failure_that_names_what_is(app: rowcall.App) -> None:
    app.task("b")(process_tasks.fail)
    app.task("a")(process_tasks.fail)
    async with a_runner(app) as runner:
        outcome = await runner.run(a_run("report"), timeout_seconds=5)
    assert outcome == Outcome.failed("this worker has no task 'report'; it has: a, b")


@pytest.mark.parametrize("isolation", ["async", "thread", "process"])
async def test_what_is_given_back_ends_quickly_and_burns_no_attempt(
    app: rowcall.App, isolation: str, tmp_path: Path
) -> None:
    run = a_run(hang(app, isolation), input_data={"marker": str(tmp_path / "marker")})
    async with a_runner(app, cancel_grace_seconds=60, kill_grace_seconds=60) as runner:
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await until((tmp_path / "marker").exists if isolation == "process" else lambda: runner.running)
        assert runner.give_back(run.execution_id)
        async with asyncio.timeout(30):
            assert await running == Outcome.given_back()


async def test_a_thread_that_nothing_stops_is_given_back_after_a_second(app: rowcall.App) -> None:
    release = threading.Event()

    @app.task("stuck")
    def stuck() -> None:
        release.wait(60)

    run = a_run("stuck")
    async with a_runner(app, kill_grace_seconds=60) as runner:
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await until(lambda: runner.running)
        runner.give_back(run.execution_id)
        async with asyncio.timeout(30):
            assert await running == Outcome.given_back()
        assert runner.stuck_threads == 1
        release.set()


async def test_giving_back_cuts_the_grace_of_a_cancellation_short(app: rowcall.App) -> None:
    run = a_run(hang(app, "async"))
    async with a_runner(app, cancel_grace_seconds=60, kill_grace_seconds=60) as runner:
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await until(lambda: runner.running)
        runner.cancel(run.execution_id, "somebody asked")
        for _ in range(10):
            await asyncio.sleep(0)  # the grace has begun
        runner.give_back(run.execution_id)
        async with asyncio.timeout(30):
            assert (await running).status is ExecutionStatus.CANCELLED


async def test_leaving_the_runner_gives_back_what_is_still_under_way(app: rowcall.App) -> None:
    async with a_runner(app) as runner:
        running = asyncio.create_task(runner.run(a_run(hang(app, "async")), timeout_seconds=60))
        await until(lambda: runner.running)
    assert await running == Outcome.given_back()


async def test_what_is_not_under_way_cannot_be_stopped(app: rowcall.App) -> None:
    async with a_runner(app) as runner:
        assert not runner.cancel(1, "somebody asked")
        assert not runner.give_back(1)


async def test_repeated_cancellations_count_once_and_do_not_hurry(app: rowcall.App) -> None:
    run = a_run(hang(app, "async"))
    async with a_runner(app) as runner:
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await until(lambda: runner.running)
        assert runner.cancel(run.execution_id, "first")
        assert runner.cancel(run.execution_id, "second")
        assert await running == Outcome.cancelled("cancelled (first): its coroutine was cancelled")


@pytest.mark.parametrize("stop", ["cancel", "give_back"])
async def test_an_execution_can_be_stopped_from_another_thread(app: rowcall.App, stop: str) -> None:
    asyncio.get_running_loop().set_debug(True)  # it then refuses what is not safe to call from another thread
    run = a_run(hang(app, "async"))
    async with a_runner(app) as runner:
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await until(lambda: runner.running)
        args = (run.execution_id, "from afar") if stop == "cancel" else (run.execution_id,)
        other = threading.Thread(target=getattr(runner, stop), args=args)
        other.start()
        async with asyncio.timeout(30):
            outcome = await running
        other.join()
    assert outcome.status is (ExecutionStatus.CANCELLED if stop == "cancel" else None)


async def test_an_execution_that_came_back_while_its_old_attempt_ends_is_a_run_of_its_own(app: rowcall.App) -> None:
    ended = asyncio.Event()

    @app.task("report")
    async def report(run: rowcall.Run) -> int:
        if run.fence == 1:
            await ended.wait()
        return run.fence

    async with a_runner(app) as runner:
        old = asyncio.create_task(runner.run(a_run("report", execution_id=1, fence=1), timeout_seconds=60))
        await until(lambda: runner.running)
        assert await runner.run(a_run("report", execution_id=1, fence=2), timeout_seconds=60) == Outcome.succeeded("2")
        assert runner.running == {1}
        ended.set()
        assert await old == Outcome.succeeded("1")
        assert not runner.running


async def test_an_error_text_never_exceeds_its_limit_nor_holds_a_nul(app: rowcall.App) -> None:
    @app.task("report")
    async def report() -> None:
        await asyncio.Event().wait()

    run = a_run("report")
    async with a_runner(app, error_max_bytes=300) as runner:
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await until(lambda: runner.running)
        runner.cancel(run.execution_id, "nul \0 and " + "much " * 1000)
        outcome = await running
    assert len((outcome.error or "").encode()) <= 300
    assert "\0" not in (outcome.error or "")


async def test_a_time_limit_without_an_end_is_one(app: rowcall.App) -> None:
    @app.task("report")
    async def report() -> None: ...

    async with a_runner(app) as runner:
        assert (await runner.run(a_run("report"), timeout_seconds=float("inf"))).status is ExecutionStatus.SUCCEEDED


async def test_a_fault_of_our_own_is_an_outcome_too(app: rowcall.App) -> None:
    @app.task("report")
    async def report() -> None: ...

    with capture_logs() as logs:
        async with a_runner(app) as runner:
            outcome = await runner.run(a_run("report"), timeout_seconds="soon")  # type: ignore[arg-type] # the fault
    assert outcome.status is ExecutionStatus.FAILED
    assert (outcome.error or "").startswith("TypeError")
    assert [line["event"] for line in logs] == ["run_not_carried_out"]


@pytest.mark.parametrize("isolation", ["async", "thread", "process"])
def test_all_isolations_work_under_uvloop(app: rowcall.App, isolation: str, tmp_path: Path) -> None:
    hang(app, isolation)
    app.task("quick", isolation="process")(process_tasks.without_run)
    app.task("killed", isolation="process")(process_tasks.kill_itself)

    async def story() -> None:
        async with a_runner(app) as runner:
            run = a_run("hang", input_data={"marker": str(tmp_path / "marker")})
            running = asyncio.create_task(runner.run(run, timeout_seconds=60))
            await until((tmp_path / "marker").exists if isolation == "process" else lambda: runner.running)
            runner.cancel(run.execution_id, "somebody asked")
            assert (await running).status in {ExecutionStatus.CANCELLED, ExecutionStatus.SUCCEEDED}
            assert (await runner.run(a_run("killed"), timeout_seconds=30)).status is ExecutionStatus.FAILED
            assert await runner.run(a_run("quick"), timeout_seconds=30) == Outcome.succeeded('"done"')

    uvloop.run(story())
