"""Tasks that the older Rowcall and this one run alike, from a copy of this file: it imports nothing that either lacks.

Each run that succeeds writes one line, so that what was really done can be held against what the ledger says.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import rowcall

app = rowcall.App("upgraded")


def _note(run: rowcall.Run) -> None:
    line = f"{run.execution_id} {run.attempt} {run.fence}\n"
    file = os.open(os.environ["UPGRADE_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


@app.schedule(interval=1, name="in-code", coalesce="all")
@app.task("brief")
async def brief(run: rowcall.Run) -> dict[str, int]:
    _note(run)
    return {"attempt": run.attempt}


@app.task("threaded")
def threaded(run: rowcall.Run) -> None:
    _note(run)


@app.task("flaky")
async def flaky(run: rowcall.Run) -> None:
    """Fails first, and succeeds when tried again."""
    if run.attempt == 1:
        raise RuntimeError("not yet")
    _note(run)


@app.task("once")
async def once(run: rowcall.Run) -> None:
    """Writes in the transaction that writes its end."""
    async with run.transaction() as transaction:
        await transaction.execute("INSERT INTO public.effects (execution_id) VALUES ($1)", run.execution_id)


@app.task("lasting")
async def lasting(run: rowcall.Run) -> None:
    """Works until a file is there."""
    while not Path(os.environ["UPGRADE_GATE"]).exists():  # noqa: ASYNC110, ASYNC240 - it is made by another process
        await asyncio.sleep(0.05)
    _note(run)
