"""The application that the measured workers run: a task that does nothing but note when it started."""

from __future__ import annotations

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
