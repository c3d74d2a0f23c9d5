"""The application that the measured workers run: tasks that do little more than note when they started."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from bench.harness.samples import FILE_VARIABLE, Samples
from rowcall import App, Run

app = App("bench")
samples = Samples(Path(os.environ[FILE_VARIABLE])) if FILE_VARIABLE in os.environ else None


@app.task("noop")
async def noop(run: Run) -> None:
    """Note the start, and end."""
    if samples is not None:
        samples.note(run.scheduled_for.timestamp())


@app.task("hold")
async def hold(run: Run) -> None:
    """Note the start; the first attempt never ends by itself, a later one at once."""
    await noop(run)
    if run.attempt == 1:
        await asyncio.Event().wait()
