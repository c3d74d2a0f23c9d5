"""A small program to look at Rowcall with: ``rowcall serve --demo``, or ``rowcall worker --app rowcall.demo:app``."""

from __future__ import annotations

import asyncio
import hashlib

from .app import App, Run

app = App("demo")


@app.task("demo-hello")
async def hello(run: Run) -> dict[str, object]:
    """Says hello to the name in its input, on the event loop."""
    await asyncio.sleep(0.01)
    return {"greeting": f"Hello, {run.input_data.get('name', 'world')}!", "occurrence": run.scheduled_for.isoformat()}


@app.task("demo-report")
def report(run: Run) -> dict[str, object]:
    """Computes for a moment, in a thread."""
    rounds = int(run.input_data.get("rounds", 100_000))
    digest = hashlib.pbkdf2_hmac("sha256", str(run.execution_id).encode(), b"demo", rounds).hex()
    return {"rounds": rounds, "digest": digest}


SCHEDULES: tuple[dict[str, object], ...] = (
    {
        "name": "hello",
        "task_type": "demo-hello",
        "interval_seconds": 5,
        "input_data": {"name": "world"},
        "description": "Made by rowcall serve --demo: every five seconds.",
    },
    {
        "name": "report",
        "task_type": "demo-report",
        "cron_expression": "* * * * *",
        "description": "Made by rowcall serve --demo: on the minute.",
    },
)
"""What ``rowcall serve --demo`` creates where there is no schedule yet."""
