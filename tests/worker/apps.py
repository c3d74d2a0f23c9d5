"""The tasks of the worker processes: ``rowcall worker --app tests.worker.apps:app``."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from pathlib import Path

import rowcall
from tests.worker.journal import write_entry

app = rowcall.App("testing")


@app.task("note")
async def note(run: rowcall.Run) -> None:
    """Writes down that it ran."""
    write_entry("ran", run)


@app.task("in-a-coroutine")
async def in_a_coroutine(run: rowcall.Run) -> None:
    """Belongs on the event loop."""
    write_entry("in-a-coroutine", run)


@app.task("in-a-thread")
def in_a_thread(run: rowcall.Run) -> None:
    """Belongs in a thread."""
    write_entry("in-a-thread", run)


@app.task("in-a-child", isolation="process")
def in_a_child(run: rowcall.Run) -> None:
    """Belongs in a process of its own."""
    write_entry("in-a-child", run)


@app.task("gated")
async def gated(run: rowcall.Run) -> dict[str, object]:
    """Works until the file named in its input is there."""
    write_entry("started", run)
    gate = Path(run.input_data["gate"])
    while not gate.exists():  # noqa: ASYNC110, ASYNC240 - the gate is opened by another process
        await asyncio.sleep(0.01)
    write_entry("finished", run)
    return {"attempt": run.attempt}


@app.task("gated-in-a-transaction")
async def gated_in_a_transaction(run: rowcall.Run) -> None:
    """Writes a row, which is there once the file named in its input is, and the execution has ended with it."""
    async with run.transaction() as transaction:
        await transaction.execute("INSERT INTO public.effects VALUES ($1, $2)", run.execution_id, run.fence)
        await gated(run)


@app.task("gated-in-a-thread")
def gated_in_a_thread(run: rowcall.Run) -> None:
    """The same, deaf to everything else: a thread can't be stopped."""
    write_entry("started", run)
    gate = Path(run.input_data["gate"])
    while not gate.exists():
        time.sleep(0.01)
    write_entry("finished", run)


@app.task("blocks-the-loop")
async def blocks_the_loop(run: rowcall.Run) -> None:
    """Does what no coroutine may do: nothing else in its event loop goes on meanwhile."""
    write_entry("started", run)
    time.sleep(run.input_data["seconds"])  # noqa: ASYNC251 - that is the point
    write_entry("finished", run)


@app.task("kills-its-worker")
async def kills_its_worker(run: rowcall.Run) -> None:
    """What a fault in native code, or the kernel when memory runs out, does to a process."""
    write_entry("started", run)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task("refuse-in-a-child", isolation="process")
def refuse_in_a_child() -> None:
    """Would do so again."""
    raise rowcall.DoNotRetry("the child said so")


@app.task("brief")
async def brief(run: rowcall.Run) -> None:
    """Works for a moment, longer for some occurrences than for others."""
    write_entry("started", run)
    await asyncio.sleep(run.execution_id % 7 * 0.05)
    write_entry("finished", run)


@app.task("fail-at-first")
async def fail_at_first(run: rowcall.Run) -> None:
    """Succeeds when it is tried again."""
    write_entry("ran", run)
    if run.attempt == 1:
        raise RuntimeError("not yet")


@app.task("look-at-the-collector")
async def look_at_the_collector() -> dict[str, object]:
    """Says how often the garbage collector of this process looks, and how much it leaves alone."""
    return {"threshold": gc.get_threshold()[0], "frozen": gc.get_freeze_count()}
