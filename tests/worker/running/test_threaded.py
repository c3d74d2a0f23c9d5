"""Plain functions in threads: real ones, some of them stuck."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from pathlib import Path
from typing import Never

import pytest
from structlog.testing import capture_logs

import rowcall
from rowcall.app import current_run
from rowcall.domain.executions import ExecutionStatus, Outcome

from .helpers import a_run, a_runner, until

RUNS_ON = "a thread can't be killed, and this one runs on; it keeps its place until the task returns"


async def test_a_plain_function_runs_beside_the_loop(app: rowcall.App) -> None:
    @app.task("report")
    def report(run: rowcall.Run) -> list[bool]:
        return [threading.current_thread() is threading.main_thread(), current_run() is run]

    async with a_runner(app) as runner:
        assert await runner.run(a_run("report"), timeout_seconds=5) == Outcome.succeeded("[false,true]")


async def test_a_coroutine_function_can_have_a_thread_and_a_loop_of_its_own(app: rowcall.App) -> None:
    @app.task("report", isolation="thread")
    async def report() -> bool:
        await asyncio.sleep(0)
        return threading.current_thread() is threading.main_thread()

    async with a_runner(app) as runner:
        assert await runner.run(a_run("report"), timeout_seconds=5) == Outcome.succeeded("false")


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration])
async def test_whatever_a_function_raises_is_a_failure_and_the_thread_lives_on(
    app: rowcall.App, kind: type[BaseException]
) -> None:
    @app.task("fail")
    def fail() -> Never:
        raise kind

    async with a_runner(app, threads=1) as runner:
        for _ in range(2):
            outcome = await runner.run(a_run("fail"), timeout_seconds=5)
            assert outcome.status is ExecutionStatus.FAILED
            assert (outcome.error or "").startswith(kind.__name__)


async def test_context_of_the_worker_is_seen_in_the_thread(app: rowcall.App) -> None:
    mood = contextvars.ContextVar("mood", default="none")

    @app.task("report")
    def report() -> str:
        return mood.get()

    mood.set("good")
    async with a_runner(app) as runner:
        assert await runner.run(a_run("report"), timeout_seconds=5) == Outcome.succeeded('"good"')


async def test_threads_are_used_again_and_never_more_than_allowed(app: rowcall.App) -> None:
    seen: set[int] = set()
    at_once: list[int] = []
    busy = 0
    lock = threading.Lock()

    @app.task("count")
    def count() -> None:
        nonlocal busy
        with lock:
            busy += 1
            at_once.append(busy)
        seen.add(threading.get_ident())
        with lock:
            busy -= 1

    async with a_runner(app, threads=3) as runner:
        await asyncio.gather(*(runner.run(a_run("count"), timeout_seconds=30) for _ in range(200)))
        assert runner.free_threads == 3
    assert len(at_once) == 200
    assert len(seen) <= 3
    assert max(at_once) <= 3


async def test_idle_threads_end_with_the_runner(app: rowcall.App) -> None:
    threads: list[threading.Thread] = []

    @app.task("report")
    def report() -> None:
        threads.append(threading.current_thread())

    async with a_runner(app) as runner:
        await runner.run(a_run("report"), timeout_seconds=5)
        assert threads[0].is_alive()
    await until(lambda: not threads[0].is_alive())


async def test_a_function_that_looks_at_its_run_stops_by_itself(app: rowcall.App) -> None:
    @app.task("report")
    def report(run: rowcall.Run) -> None:
        run.wait_cancelled(60)
        run.raise_if_cancelled()

    run = a_run("report")
    async with a_runner(app, kill_grace_seconds=60) as runner:
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await until(lambda: runner.running)
        runner.cancel(run.execution_id, "somebody asked")
        assert await running == Outcome.cancelled("cancelled (somebody asked): the task stopped by itself")
        late = await runner.run(a_run("report"), timeout_seconds=0.05)
        assert late == Outcome.timed_out("timed out after 0.05 s: the task stopped by itself")


async def test_a_function_that_nothing_stops_keeps_its_thread_and_is_counted(app: rowcall.App) -> None:
    release = threading.Event()

    @app.task("stuck")
    def stuck() -> None:
        release.wait(60)

    @app.task("quick")
    def quick() -> int:
        return 1

    with capture_logs() as logs:
        async with a_runner(app, threads=1) as runner:
            assert await runner.run(a_run("stuck"), timeout_seconds=0.05) == Outcome.timed_out(
                f"timed out after 0.05 s: {RUNS_ON}"
            )
            assert (runner.stuck_threads, runner.free_threads) == (1, 0)

            assert await runner.run(a_run("quick"), timeout_seconds=0.05) == Outcome.timed_out(
                "timed out after 0.05 s: it never started: no thread came free (1 of 1 are stuck)"
            )

            release.set()
            await until(lambda: runner.free_threads == 1)
            assert runner.stuck_threads == 0
            assert await runner.run(a_run("quick"), timeout_seconds=5) == Outcome.succeeded("1")
    assert [line["event"] for line in logs] == ["task_runs_on", "task_ended_after_all"]


async def test_who_waits_for_a_thread_gets_the_next_one(app: rowcall.App) -> None:
    release = threading.Event()

    @app.task("slow")
    def slow() -> str:
        release.wait(60)
        return "slow"

    @app.task("quick")
    def quick() -> str:
        return "quick"

    async with a_runner(app, threads=1) as runner:
        first = asyncio.create_task(runner.run(a_run("slow"), timeout_seconds=30))
        await until(lambda: runner.free_threads == 0)
        second = asyncio.create_task(runner.run(a_run("quick"), timeout_seconds=30))
        release.set()
        assert await first == Outcome.succeeded('"slow"')
        assert await second == Outcome.succeeded('"quick"')


async def test_an_execution_that_still_waits_for_a_thread_is_cancelled_at_once(app: rowcall.App) -> None:
    release = threading.Event()

    @app.task("slow")
    def slow() -> None:
        release.wait(60)

    async with a_runner(app, threads=1) as runner:
        first = asyncio.create_task(runner.run(a_run("slow"), timeout_seconds=30))
        await until(lambda: runner.free_threads == 0)
        waiting, returned = a_run("slow"), a_run("slow")
        second = asyncio.create_task(runner.run(waiting, timeout_seconds=30))
        third = asyncio.create_task(runner.run(returned, timeout_seconds=30))
        await until(lambda: len(runner.running) == 3)
        runner.cancel(waiting.execution_id, "somebody asked")
        runner.give_back(returned.execution_id)
        outcome = await second
        assert outcome.status is ExecutionStatus.CANCELLED
        assert "it never started" in (outcome.error or "")
        assert await third == Outcome.given_back()
        release.set()
        assert (await first).status is ExecutionStatus.SUCCEEDED
        assert runner.free_threads == 1


async def test_an_execution_that_is_cancelled_as_its_turn_comes_is_not_started(app: rowcall.App) -> None:
    started = threading.Event()

    @app.task("report")
    def report() -> None:
        started.set()

    async with a_runner(app, threads=1) as runner:
        place = runner._threads.places.ask()
        run = a_run("report")
        running = asyncio.create_task(runner.run(run, timeout_seconds=30))
        await until(lambda: runner.running)
        runner._threads.places.release(place)
        runner.cancel(run.execution_id, "somebody asked")
        assert (await running).status is ExecutionStatus.CANCELLED
        assert not started.is_set()
        assert runner.free_threads == 1


async def test_a_system_without_another_thread_is_a_failure_that_says_so(
    app: rowcall.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    @app.task("report")
    def report() -> None: ...

    def refuse(thread: threading.Thread) -> Never:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)  # no limit of the system's can be set for one test alone
    async with a_runner(app) as runner:
        outcome = await runner.run(a_run("report"), timeout_seconds=5)
        assert outcome == Outcome.failed("no thread could be started: can't start new thread")
        assert runner.free_threads == 2


STUCK_AT_EXIT = """
import asyncio, threading
import rowcall
from tests.worker.running.helpers import a_run, a_runner
app = rowcall.App("x")
@app.task("stuck")
def stuck():
    threading.Event().wait()
async def story():
    async with a_runner(app) as runner:
        print((await runner.run(a_run("stuck"), timeout_seconds=0.05)).status, flush=True)
asyncio.run(story())
"""


async def test_a_stuck_thread_does_not_hold_up_the_end_of_the_process() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STUCK_AT_EXIT, cwd=Path(__file__).parents[3], stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert "TIMED_OUT" in said.decode().splitlines()
    assert process.returncode == 0
