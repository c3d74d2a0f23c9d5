"""Dispatches workflows: a run of a schedule is a run of the workflow that its input_data names.

    rowcall serve --app workflows:app

The steps of a workflow share one context. It begins as the schedule's `context`, together with which schedule and
execution this is and when it was triggered: {"workflow": "welcome", "context": {"member": "Ada"}}.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import rowcall

Context = dict[str, Any]
Step = Callable[[Context], Awaitable[object]]

app = rowcall.App("workflows")


async def greet(context: Context) -> str:
    """Greets the member."""
    return f"Welcome, {context['member']}!"


async def count_letters(context: Context) -> int:
    """Counts what the step before has said."""
    return len(context["greet"])


async def wait(context: Context) -> str:
    """Takes its time, as a call of something slow does."""
    await asyncio.sleep(context["seconds"])
    return "waited"


WORKFLOWS: dict[str, tuple[Step, ...]] = {"welcome": (greet, count_letters), "slow": (wait,)}


@app.task("run-workflow", timeout=300)
async def run_workflow(run: rowcall.Run) -> Context:
    """Carries out the steps one after the other; each adds what it returns to the context, under its own name."""
    name = str(run.input_data.get("workflow"))
    if name not in WORKFLOWS:
        raise rowcall.DoNotRetry(f"there is no workflow {name!r}; there are {', '.join(WORKFLOWS)}")
    context = {**run.input_data.get("context", {}), **dispatched(run)}
    for step in WORKFLOWS[name]:
        context[step.__name__] = await step(context)
        run.logger.info("workflow_step", workflow=name, step=step.__name__)
    return context


def dispatched(run: rowcall.Run) -> Context:
    """What a workflow is told of the run that started it."""
    return {
        "schedule_id": run.schedule_id,
        "execution_id": run.execution_id,
        "scheduled_for": run.scheduled_for,
        "triggered_at": run.triggered_at,
    }
