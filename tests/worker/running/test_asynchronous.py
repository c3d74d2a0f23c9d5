"""Coroutine functions: their results, their errors, and their ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import sys
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, Never, cast

import pytest
import uvloop
from structlog.testing import capture_logs

import rowcall
from rowcall.app import RunCancelled, current_run
from rowcall.domain.executions import ExecutionStatus, Outcome

from .helpers import a_run, a_runner, until


async def test_a_task_that_returns_has_succeeded_with_its_result(app: rowcall.App) -> None:
    @app.task("report")
    async def report(run: rowcall.Run) -> dict[str, object]:
        await asyncio.sleep(0)
        return {"attempt": run.attempt, "input": run.input_data}

    async with a_runner(app) as runner:
        outcome = await runner.run(a_run("report", attempt=2, input_data={"a": 1}), timeout_seconds=5)
    assert outcome == Outcome.succeeded('{"attempt":2,"input":{"a":1}}')


async def test_a_task_without_a_run_and_without_a_result_has_succeeded(app: rowcall.App) -> None:
    @app.task("report")
    async def report() -> None: ...

    async with a_runner(app) as runner:
        assert await runner.run(a_run("report"), timeout_seconds=5) == Outcome.succeeded()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ValueError("bad"), "ValueError: bad"),
        (TimeoutError("of the task's own"), "TimeoutError: of the task's own"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (StopAsyncIteration(), "StopAsyncIteration"),
        (BaseExceptionGroup("several", [SystemExit(1), RunCancelled()]), "BaseExceptionGroup: several"),
        (asyncio.CancelledError(), "the task cancelled itself, though nobody had asked it to stop"),
        (RunCancelled(), "the task cancelled itself"),
        (BaseExceptionGroup("all", [RunCancelled(), asyncio.CancelledError()]), "the task cancelled itself"),
    ],
)
async def test_whatever_a_task_raises_is_a_failure_and_not_the_end_of_the_worker(
    app: rowcall.App, fault: BaseException, told: str
) -> None:
    @app.task("report")
    async def report() -> Never:
        raise fault

    async with a_runner(app) as runner:
        outcome = await runner.run(a_run("report"), timeout_seconds=5)
    assert outcome.status is ExecutionStatus.FAILED
    assert (outcome.error or "").startswith(told)


async def in_a_wait_for(work: Coroutine[Any, Any, None]) -> None:
    await asyncio.wait_for(work, 60)


async def in_a_gathering(work: Coroutine[Any, Any, None]) -> None:
    await asyncio.gather(work, asyncio.sleep(0))


async def in_a_group(work: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(work)


async def in_a_task_of_a_task(work: Coroutine[Any, Any, None]) -> None:
    await asyncio.create_task(in_a_wait_for(work))


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("fault", [SystemExit(3), KeyboardInterrupt("stop")], ids=["sys.exit", "ctrl-c"])
@pytest.mark.parametrize("start", [in_a_wait_for, in_a_gathering, in_a_group, in_a_task_of_a_task])
def test_a_task_that_a_run_starts_does_not_end_the_worker_either(
    app: rowcall.App,
    start: Callable[[Coroutine[Any, Any, None]], Coroutine[Any, Any, None]],
    fault: BaseException,
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def leave() -> None:
        await asyncio.sleep(0)
        raise fault

    @app.task("leaves")
    async def leaves() -> None:
        await start(leave())

    @app.task("stays")
    async def stays() -> str:
        return await asyncio.wait_for(asyncio.sleep(0.05, "stayed"), 60)

    async def run_both() -> tuple[Outcome, Outcome]:
        async with a_runner(app) as runner:
            staying = asyncio.create_task(runner.run(a_run("stays"), timeout_seconds=60))
            return await runner.run(a_run("leaves"), timeout_seconds=60), await staying

    with asyncio.Runner(loop_factory=new_loop) as loop_runner:
        left, stayed = loop_runner.run(run_both())
    assert stayed == Outcome.succeeded('"stayed"')
    assert left.status is ExecutionStatus.FAILED
    assert f"a task that this run started raised {type(fault).__name__}: {fault}" in (left.error or "")
    assert "in leave" in (left.error or "")


async def test_what_a_run_starts_and_cancels_before_its_first_step_is_closed(app: rowcall.App) -> None:
    @app.task("report")
    async def report() -> None:
        started = asyncio.create_task(asyncio.sleep(3600))
        assert "coro=<sleep()" in repr(started)
        assert inspect.getcoroutinestate(cast("Coroutine[Any, Any, None]", started.get_coro())) == inspect.CORO_CREATED
        started.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await started

    async with a_runner(app) as runner:
        assert await runner.run(a_run("report"), timeout_seconds=5) == Outcome.succeeded()
    gc.collect()  # a coroutine that was never awaited would be told of here, and warnings are errors


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        (True, Outcome.cancelled("cancelled (no longer needed): the task stopped by itself")),
        (False, Outcome.succeeded('"all of it"')),
    ],
    ids=["it has seen the request", "it has not"],
)
async def test_a_task_that_cancels_itself_on_its_way_out_has_ended_all_the_same(
    app: rowcall.App, looks: bool, expected: Outcome
) -> None:
    started, asked = asyncio.Event(), asyncio.Event()

    @app.task("report")
    async def report(run: rowcall.Run) -> str:
        started.set()
        await (run.cancellation() if looks else asked.wait())
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "all of it"

    told: list[Outcome] = []
    runner = await a_runner(app).__aenter__()  # and never left: that would wait for a run whose end is not heard of
    run = a_run("report")
    runner.start(run, timeout_seconds=60, then=lambda _, outcome: told.append(outcome))
    await started.wait()
    runner.cancel(run.execution_id, "no longer needed")
    asked.set()
    await until(lambda: told)
    assert (told, runner.running) == ([expected], frozenset())


async def test_a_result_that_cannot_be_kept_is_a_failure_that_says_where(app: rowcall.App) -> None:
    @app.task("report")
    async def report() -> dict[str, list[object]]:
        return {"rows": [object()]}

    async with a_runner(app) as runner:
        outcome = await runner.run(a_run("report"), timeout_seconds=5)
    assert outcome == Outcome.failed(
        "the task returned, but its result can't be kept: result.rows[0]: an object has no form in JSON; "
        "return dicts, lists, text, numbers, dates, dataclasses or pydantic models"
    )


async def test_a_task_that_runs_too_long_is_cancelled_at_its_limit(app: rowcall.App) -> None:
    @app.task("report")
    async def report() -> None:
        await asyncio.Event().wait()

    async with a_runner(app) as runner:
        outcome = await runner.run(a_run("report"), timeout_seconds=0.05)
    assert outcome == Outcome.timed_out("timed out after 0.05 s: its coroutine was cancelled")


async def test_of_many_that_begin_together_those_that_last_are_timed(app: rowcall.App) -> None:
    @app.task("report")
    async def report(run: rowcall.Run) -> None:
        if run.schedule_id == 1:
            await asyncio.Event().wait()

    async with a_runner(app) as runner:
        ran = await asyncio.gather(
            *(runner.run(a_run("report", schedule_id=n % 3), timeout_seconds=0.12 + n / 100) for n in range(30))
        )
        assert [outcome.status for outcome in ran] == [
            ExecutionStatus.TIMED_OUT if n % 3 == 1 else ExecutionStatus.SUCCEEDED for n in range(30)
        ]
        later = await runner.run(a_run("report", schedule_id=1), timeout_seconds=0.2)
    assert later == Outcome.timed_out("timed out after 0.2 s: its coroutine was cancelled")


async def test_a_run_that_has_ended_is_let_go_at_once(app: rowcall.App) -> None:
    """A herd's thousands would lie about otherwise, and be cold when it is their turn to be cleared away."""

    @app.task("report")
    async def report() -> None: ...

    async with a_runner(app) as runner:
        gc.disable()
        try:
            run = a_run("report")
            ended = weakref.ref(run)
            await runner.run(run, timeout_seconds=60)
            del run
            await asyncio.sleep(0)
            assert ended() is None
        finally:
            gc.enable()


async def test_a_cancelled_task_may_stop_by_itself_first(app: rowcall.App) -> None:
    @app.task("report")
    async def report(run: rowcall.Run) -> str:
        await run.cancellation()
        return "half of it"

    run = a_run("report")
    async with a_runner(app, cancel_grace_seconds=60) as runner:
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await until(lambda: run.execution_id in runner.running)
        assert runner.cancel(run.execution_id, "somebody asked")
        assert await running == Outcome.cancelled("cancelled (somebody asked): the task stopped by itself")
        assert not runner.running


async def test_a_cancelled_task_that_does_not_listen_is_cancelled_by_asyncio(app: rowcall.App) -> None:
    @app.task("report")
    async def report() -> None:
        await asyncio.Event().wait()

    run = a_run("report")
    async with a_runner(app) as runner:
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await until(lambda: runner.running)
        runner.cancel(run.execution_id, "somebody asked")
        assert await running == Outcome.cancelled("cancelled (somebody asked): its coroutine was cancelled")


async def test_a_task_that_ends_before_it_noticed_its_cancellation_has_succeeded(app: rowcall.App) -> None:
    finish = asyncio.Event()

    @app.task("report")
    async def report() -> str:
        await finish.wait()
        return "all of it"

    run = a_run("report")
    async with a_runner(app, cancel_grace_seconds=60) as runner:
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await until(lambda: runner.running)
        runner.cancel(run.execution_id, "somebody asked")
        finish.set()
        assert await running == Outcome.succeeded('"all of it"')


async def test_a_task_that_fails_while_it_is_stopped_says_so(app: rowcall.App) -> None:
    @app.task("report")
    async def report() -> Never:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("the clean-up failed")

    async with a_runner(app) as runner:
        outcome = await runner.run(a_run("report"), timeout_seconds=0.05)
    assert outcome.status is ExecutionStatus.TIMED_OUT
    assert (outcome.error or "").startswith(
        "timed out after 0.05 s: its coroutine was cancelled, it raised an error\n\nValueError: the clean-up failed"
    )


async def test_a_task_that_swallows_its_cancellation_is_left_behind_and_watched(app: rowcall.App) -> None:
    release = asyncio.Event()

    @app.task("stubborn")
    async def stubborn() -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    with capture_logs() as logs:
        async with a_runner(app) as runner:
            outcome = await runner.run(a_run("stubborn"), timeout_seconds=0.05)
            assert outcome == Outcome.timed_out("timed out after 0.05 s: the task ignored its cancellation and runs on")
            assert not runner.running
            release.set()
            await until(lambda: len(logs) == 2)
    assert [line["event"] for line in logs] == ["task_runs_on", "task_ended_after_all"]
    assert logs[1]["task_type"] == "stubborn"


async def test_code_inside_a_run_can_find_out_which_run_it_is_part_of(app: rowcall.App) -> None:
    @app.task("report")
    async def report(run: rowcall.Run) -> list[bool]:
        return [current_run() is run, await asyncio.create_task(child(run))]

    async def child(run: rowcall.Run) -> bool:
        return current_run() is run

    async with a_runner(app) as runner:
        assert await runner.run(a_run("report"), timeout_seconds=5) == Outcome.succeeded("[true,true]")
    assert current_run() is None


async def test_the_runs_of_many_tasks_do_not_mix(app: rowcall.App) -> None:
    @app.task("report")
    async def report(run: rowcall.Run) -> int:
        await asyncio.sleep(0)
        current = current_run()
        assert current is not None
        return current.execution_id

    async with a_runner(app) as runner:
        runs = [a_run("report") for _ in range(200)]
        outcomes = await asyncio.gather(*(runner.run(run, timeout_seconds=5) for run in runs))
    assert [outcome.result for outcome in outcomes] == [str(run.execution_id) for run in runs]


async def test_a_deep_recursion_is_a_failure_with_a_short_text(app: rowcall.App) -> None:
    @app.task("report")
    async def report() -> None:
        def fall(n: int) -> int:
            return fall(n + 1)

        fall(0)

    async with a_runner(app) as runner:
        outcome = await runner.run(a_run("report"), timeout_seconds=30)
    assert (outcome.error or "").startswith("RecursionError")
    assert len(outcome.error or "") <= 2000
    assert sys.getrecursionlimit() > 0
