"""The tasks of the servers that clients talk to: ``rowcall serve --app tests.client.tasks:app``."""

from __future__ import annotations

import asyncio

import rowcall

app = rowcall.App("clients")


@app.task("quick")
async def quick(run: rowcall.Run) -> dict[str, object]:
    """Gives its input back."""
    return dict(run.input_data)


@app.task("fails")
async def fails(run: rowcall.Run) -> None:
    """Never succeeds."""
    raise rowcall.DoNotRetry("on purpose")


@app.task("stays")
async def stays(run: rowcall.Run) -> None:
    """Runs until it is cancelled."""
    await asyncio.Event().wait()
