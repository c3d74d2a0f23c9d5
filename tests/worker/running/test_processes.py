"""Tasks in child processes: real ones, killed with real signals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import TypeAlias

import psutil
import pytest
from structlog.testing import capture_logs

import rowcall
from rowcall.domain.executions import ExecutionStatus, Outcome
from rowcall.worker.running.runner import Runner

from . import process_tasks
from .helpers import a_run, a_runner, until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def app() -> rowcall.App:
    """All functions of process_tasks, as tasks of their own names."""
    app = rowcall.App("billing")
    for name, function in vars(process_tasks).items():
        if isinstance(function, FunctionType) and not name.startswith("_"):
            app.task(name, isolation="process")(function)
    return app


class Marked:
    """A run of a task that marks its start in a file, and what it wrote there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, task_type: str, **more: object) -> rowcall.Run:
        return a_run(task_type, input_data={"marker": str(self.path), **more})

    async def start(self) -> int:
        await until(self.path.exists)
        return int(self.path.read_text())


@pytest.fixture
def marked(tmp_path: Path) -> Marked:
    return Marked(tmp_path / "marker")


def is_alive(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def has_ended(process_id: int) -> bool:
    """Whether there is nothing left of a child of this process but its exit status, which stays for who reaps it."""
    return os.waitid(os.P_PID, process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


async def ok(runner: Runner) -> int:
    """The process id of the child that runs a harmless task."""
    outcome = await runner.run(a_run("tell_about_itself"), timeout_seconds=30)
    assert outcome.status is ExecutionStatus.SUCCEEDED, outcome
    process_id: int = json.loads(outcome.result or "")["pid"]
    return process_id


# ── what a task sees and gives ──


async def test_a_task_runs_in_a_process_of_its_own_session_on_its_main_thread(app: rowcall.App) -> None:
    async with a_runner(app) as runner:
        run = a_run("tell_about_itself", attempt=3, input_data={"a": "ü"}, execution_id=77)
        told = json.loads((await runner.run(run, timeout_seconds=30)).result or "")
    assert told["pid"] != os.getpid()
    assert told["leads"]
    assert told["main"]
    assert (told["attempt"], told["input"], told["key"]) == (3, {"a": "ü"}, "ab12-77")
    assert told["at"] == run.scheduled_for.isoformat()


async def test_a_child_is_kept_warm_and_used_again(app: rowcall.App) -> None:
    async with a_runner(app, processes=2) as runner:
        assert await ok(runner) == await ok(runner)
        assert await runner.run(a_run("without_run"), timeout_seconds=30) == Outcome.succeeded('"done"')
        assert await runner.run(a_run("on_a_loop"), timeout_seconds=30) == Outcome.succeeded('"looped"')


async def test_as_many_run_at_once_as_there_are_processes_and_the_others_wait(app: rowcall.App) -> None:
    async with a_runner(app, processes=2) as runner:
        process_ids = set(await asyncio.gather(*(ok(runner) for _ in range(6))))
        assert runner.free_processes == 2
    assert len(process_ids) <= 2


async def test_no_child_outlives_the_runner(app: rowcall.App) -> None:
    async with a_runner(app) as runner:
        process_id = await ok(runner)
        assert is_alive(process_id)
    assert not psutil.pid_exists(process_id)


@pytest.mark.parametrize(
    ("task_type", "told"),
    [
        ("fail", "ValueError: bad\n\nTraceback"),
        ("exit_softly", "SystemExit: enough"),
        ("return_a_set_of_objects", "the task returned, but its result can't be kept: result[0]: an object"),
    ],
)
async def test_a_task_that_fails_leaves_its_process_usable(app: rowcall.App, task_type: str, told: str) -> None:
    async with a_runner(app) as runner:
        process_id = await ok(runner)
        outcome = await runner.run(a_run(task_type), timeout_seconds=30)
        assert outcome.status is ExecutionStatus.FAILED
        assert (outcome.error or "").startswith(told)
        assert await ok(runner) == process_id


@pytest.mark.parametrize(
    ("task_type", "told"),
    [
        ("exit_hard", "the process ended with exit status 3 before the task returned"),
        ("kill_itself", "the process ended with signal 9 (SIGKILL) before the task returned"),
        ("crash", "the process ended with signal 11 (SIGSEGV) before the task returned"),
    ],
)
async def test_a_task_that_takes_its_process_down_has_failed_and_the_next_gets_a_new_one(
    app: rowcall.App, task_type: str, told: str
) -> None:
    async with a_runner(app) as runner:
        process_id = await ok(runner)
        assert await runner.run(a_run(task_type), timeout_seconds=30) == Outcome.failed(told)
        assert await ok(runner) != process_id


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("task_type", ["close_its_output", "lose_its_output", "fill_the_disk"])
async def test_a_task_whose_output_can_not_be_written_has_succeeded_and_the_next_gets_a_new_process(
    app: rowcall.App, task_type: str
) -> None:
    async with a_runner(app) as runner:
        process_id = await ok(runner)
        assert await runner.run(a_run(task_type), timeout_seconds=30) == Outcome.succeeded('"done"')
        assert await ok(runner) != process_id


async def test_a_result_over_the_limit_is_cut_in_the_child(app: rowcall.App) -> None:
    async with a_runner(app, result_max_bytes=300) as runner:
        run = a_run("tell_about_itself", input_data={"much": "x" * 100_000})
        outcome = await runner.run(run, timeout_seconds=30)
    assert outcome.result is not None
    assert json.loads(outcome.result)["truncated"]
    assert len(outcome.result) <= 300


async def test_a_task_that_cannot_be_found_in_the_child_is_a_failure(
    app: rowcall.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.task("gone", isolation="process")(process_tasks.fail)
    task = app.tasks["gone"]
    object.__setattr__(task, "reference", "tests.worker.running.process_tasks:no_such_function")
    async with a_runner(app) as runner:
        outcome = await runner.run(a_run("gone"), timeout_seconds=30)
        assert "AttributeError" in (outcome.error or "")
        assert "no_such_function" in (outcome.error or "")


async def test_an_input_that_is_not_json_is_a_failure_and_costs_no_process(app: rowcall.App) -> None:
    async with a_runner(app) as runner:
        process_id = await ok(runner)
        outcome = await runner.run(a_run("tell_about_itself", input_data={"a": object()}), timeout_seconds=30)
        assert (outcome.error or "").startswith("no process could be given the task: Object of type object")
        assert await ok(runner) == process_id


async def test_a_system_without_another_process_is_a_failure_that_says_so(
    app: rowcall.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    async with a_runner(app) as runner:
        outcome = await runner.run(a_run("without_run"), timeout_seconds=30)
        assert (outcome.error or "").startswith("no process could be given the task: [Errno 2]")
        assert runner.free_processes == 1


async def test_a_task_that_writes_into_the_channel_harms_only_itself(app: rowcall.App) -> None:
    with capture_logs() as logs:
        async with a_runner(app) as runner:
            outcome = await runner.run(a_run("interfere"), timeout_seconds=30)
            assert outcome.status is ExecutionStatus.FAILED
            await ok(runner)
    assert [line["event"] for line in logs] == ["task_process_garbled"]


# ── stopping ──


@pytest.mark.parametrize("task_type", ["wait_for_the_signal", "notice_the_signal_and_return"])
async def test_a_task_that_looks_at_its_run_stops_by_itself_and_its_process_is_used_again(
    app: rowcall.App, marked: Marked, task_type: str
) -> None:
    async with a_runner(app, cancel_grace_seconds=60) as runner:
        run = marked.run(task_type)
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        process_id = await marked.start()
        runner.cancel(run.execution_id, "somebody asked")
        assert await running == Outcome.cancelled("cancelled (somebody asked): the task stopped by itself")
        assert await ok(runner) == process_id


@pytest.mark.parametrize("task_type", ["clean_up_at_the_end", "clean_up_at_the_end_of_a_loop"])
async def test_a_task_that_does_not_listen_gets_sigterm_and_cleans_up(
    app: rowcall.App, marked: Marked, task_type: str
) -> None:
    async with a_runner(app, kill_grace_seconds=60) as runner:
        run = marked.run(task_type)
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        process_id = await marked.start()
        runner.cancel(run.execution_id, "somebody asked")
        async with asyncio.timeout(20):
            assert await running == Outcome.cancelled("cancelled (somebody asked): its process was ended with SIGTERM")
        assert marked.path.read_text() == "cleaned up"
        await until(lambda: not is_alive(process_id))
        assert await ok(runner) != process_id


async def test_a_task_that_ignores_every_plea_is_killed(app: rowcall.App, marked: Marked) -> None:
    async with a_runner(app) as runner:
        run = marked.run("ignore_every_plea")
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        process_id = await marked.start()
        runner.cancel(run.execution_id, "somebody asked")
        assert await running == Outcome.cancelled("cancelled (somebody asked): its process was ended with SIGKILL")
        assert not is_alive(process_id)
        await ok(runner)


async def test_what_a_killed_task_has_started_is_killed_with_it(app: rowcall.App, marked: Marked) -> None:
    async with a_runner(app) as runner:
        run = marked.run("start_a_grandchild")
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        grandchild = await marked.start()
        assert is_alive(grandchild)
        runner.cancel(run.execution_id, "somebody asked")
        assert (await running).status is ExecutionStatus.CANCELLED
        await until(lambda: not is_alive(grandchild))


@pytest.mark.parametrize("task_type", ["start_a_grandchild", "fork_and_die"])
async def test_what_a_dead_task_has_left_behind_does_not_hide_its_death(
    app: rowcall.App, marked: Marked, task_type: str
) -> None:
    async with a_runner(app) as runner:
        outcome = await runner.run(marked.run(task_type, leave=True), timeout_seconds=30)
        assert (outcome.error or "").startswith("the process ended with exit status")
        left_behind = int(marked.path.read_text())
        await until(lambda: not is_alive(left_behind))


async def test_a_child_that_died_idle_is_not_given_a_task(app: rowcall.App) -> None:
    async with a_runner(app) as runner:
        process_id = await ok(runner)
        os.kill(process_id, signal.SIGKILL)
        deadline = time.monotonic() + 10
        # Without the loop, which would read of the death on the channel; and until the last of its threads is gone.
        while not has_ended(process_id):
            assert time.monotonic() < deadline
        assert await ok(runner) != process_id


async def test_whoever_stops_waiting_for_an_outcome_leaves_no_process_running(app: rowcall.App, marked: Marked) -> None:
    async with a_runner(app) as runner:
        running = asyncio.create_task(runner.run(marked.run("ignore_every_plea"), timeout_seconds=60))
        process_id = await marked.start()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await until(lambda: not is_alive(process_id))
        await until(lambda: runner.free_processes == 1)


async def test_an_execution_that_waits_for_a_process_in_vain_times_out_unstarted(
    app: rowcall.App, marked: Marked
) -> None:
    async with a_runner(app) as runner:
        run = marked.run("wait_for_the_signal")
        running = asyncio.create_task(runner.run(run, timeout_seconds=60))
        await marked.start()
        assert await runner.run(a_run("without_run"), timeout_seconds=0.05) == Outcome.timed_out(
            "timed out after 0.05 s: it never started: none of the 1 processes came free"
        )
        runner.cancel(run.execution_id, "enough")
        await running


# ── outside ──


WORKER = """
import asyncio, sys
import rowcall
from rowcall import log
from tests.worker.running import process_tasks
from tests.worker.running.helpers import a_run, a_runner
log.configure("info", "json")
app = rowcall.App("x")
app.task("it", isolation="process")(getattr(process_tasks, sys.argv[1]))
async def story():
    async with a_runner(app) as runner:
        await runner.run(a_run("it", input_data={"marker": sys.argv[2]}), timeout_seconds=60)
asyncio.run(story())
"""


StartWorker: TypeAlias = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def a_worker(marked: Marked) -> Iterator[StartWorker]:
    """A process that runs one task in a child; killed after the test at the latest."""
    started: list[subprocess.Popen[str]] = []

    def start(task_type: str) -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, task_type, str(marked.path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        with worker:  # waits for its end, and not for that of a child that wrongly holds its pipes
            worker.wait()
    if started and marked.path.exists():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(marked.path.read_text()), signal.SIGKILL)


@pytest.mark.parametrize("task_type", ["ignore_every_plea", "hold_the_interpreter"])
async def test_no_child_outlives_a_worker_that_was_killed(
    a_worker: StartWorker, marked: Marked, task_type: str
) -> None:
    worker = a_worker(task_type)
    process_id = await marked.start()
    worker.kill()
    await until(lambda: not is_alive(process_id))


async def test_the_end_of_the_channel_ends_a_child_with_all_it_started(marked: Marked, app: rowcall.App) -> None:
    """Without the kernel's help, too: the fork and exec of the worker's side live on, only the channel is closed."""
    async with a_runner(app) as runner:
        running = asyncio.create_task(runner.run(marked.run("start_a_grandchild"), timeout_seconds=60))
        grandchild = await marked.start()
        [child] = runner._processes._children
        child._writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        assert (await running).error == "the process ended with signal 9 (SIGKILL) before the task returned"
        await until(lambda: not is_alive(grandchild))


async def test_what_a_task_prints_and_logs_comes_out_at_the_worker_in_its_format(a_worker: StartWorker) -> None:
    worker = a_worker("talk")
    out, err = await asyncio.to_thread(worker.communicate, timeout=30)
    assert out == "to standard output\n"
    assert "to standard error" in err.splitlines()
    [line] = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert (line["event"], line["task_type"], line["logger"]) == ("to the log", "it", "billing")
