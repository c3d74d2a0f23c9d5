"""The tasks of the chaos run. Those with an effect write it down through a connection of their own, or in the run's."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time

import asyncpg

import rowcall

app = rowcall.App("chaos")

EFFECTS = """
    CREATE TABLE IF NOT EXISTS public.chaos_effects (
        execution_id bigint NOT NULL, schedule_id bigint NOT NULL, scheduled_for timestamptz NOT NULL,
        attempt integer NOT NULL, fence integer NOT NULL, kind text NOT NULL, written_at timestamptz DEFAULT now())
"""
INSERT = """
    INSERT INTO public.chaos_effects (execution_id, schedule_id, scheduled_for, attempt, fence, kind)
    VALUES ($1, $2, $3, $4, $5, $6)
"""


def _effect(run: rowcall.Run, kind: str) -> tuple[object, ...]:
    return (run.execution_id, run.schedule_id, run.scheduled_for, run.attempt, run.fence, kind)


@app.task("chaos-succeed")
async def succeed(run: rowcall.Run) -> dict[str, int]:
    await asyncio.sleep(random.uniform(0, 0.3))
    return {"attempt": run.attempt}


@app.task("chaos-fail")
async def fail(run: rowcall.Run) -> None:
    await asyncio.sleep(random.uniform(0, 0.1))
    if random.random() < 0.6:
        raise RuntimeError(f"attempt {run.attempt} of {run.execution_id} was not lucky")


@app.task("chaos-hang")
async def hang(run: rowcall.Run) -> None:
    await asyncio.sleep(3600 if random.random() < 0.5 else 0.05)


@app.task("chaos-thread")
def threaded(run: rowcall.Run) -> str:
    time.sleep(random.uniform(0, 0.2))
    return "done"


@app.task("chaos-crash", isolation="process")
def crash(run: rowcall.Run) -> str:
    if random.random() < 0.5:
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


@app.task("chaos-effect")
async def effect(run: rowcall.Run) -> None:
    """Writes through a connection of its own: at least once."""
    connection = await asyncpg.connect(os.environ["CHAOS_DATABASE_URL"], timeout=5)
    try:
        await connection.execute(INSERT, *_effect(run, "at least once"), timeout=5)
    finally:
        connection.terminate()


@app.task("chaos-once")
async def once(run: rowcall.Run) -> None:
    """Writes through the run's own transaction: exactly once."""
    async with run.transaction() as transaction:
        await transaction.execute(INSERT, *_effect(run, "exactly once"))
        await asyncio.sleep(random.uniform(0, 0.2))
        transaction.result = {"fence": run.fence}
