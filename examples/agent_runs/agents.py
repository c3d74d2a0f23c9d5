"""Runs agents for users, on schedules that the users make, and keeps what the agents say.

    ROWCALL_AUTH=keys DATABASE_URL=postgresql://… rowcall serve --app agents:app

A schedule's input_data is the spec of the run: {"agent": "remind", "prompt": "water the plants"}. Its client is the
user. An answer and the success of its run are one transaction: each run leaves one answer, however often it is tried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import rowcall

Agent = Callable[[Any, rowcall.Run], Awaitable[str]]

app = rowcall.App("agents")


async def remind(_database: Any, run: rowcall.Run) -> str:
    """Says again what the user asked to be told."""
    return f"{run.client_id}, do not forget: {run.input_data['prompt']}"


async def recall(database: Any, run: rowcall.Run) -> str:
    """Tells what was said to the user so far."""
    told = await database.fetchval("SELECT count(*) FROM agents.answers WHERE user_id = $1", run.client_id)
    return f"{run.client_id}, I have told you {told} things."


AGENTS: dict[str, Agent] = {"remind": remind, "recall": recall}


@app.task("run-agent", timeout=60)
async def run_agent(run: rowcall.Run) -> None:
    """Runs the agent that the spec names, and keeps its answer."""
    name = str(run.input_data.get("agent"))
    if name not in AGENTS:
        raise rowcall.DoNotRetry(f"there is no agent {name!r}; there are {', '.join(AGENTS)}")
    async with run.transaction() as transaction:
        answer = await AGENTS[name](transaction, run)
        await transaction.execute(
            "INSERT INTO agents.answers VALUES ($1, $2, $3, $4, $5)",
            run.execution_id, run.client_id, name, run.scheduled_for, answer,
        )  # fmt: skip
        transaction.result = {"answer": answer}
