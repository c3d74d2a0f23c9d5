"""Waiting for an execution to end, with something to look at meanwhile."""

from __future__ import annotations

import asyncio

from rowcall.client import AsyncClient
from rowcall.domain.executions import ExecutionStatus
from rowcall.wire.executions import ExecutionView

from .output import err

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0


async def ended(client: AsyncClient, execution: ExecutionView) -> ExecutionView:
    """The execution once its status is final. Asks at longer and longer intervals, up to a second."""
    pause = FIRST_PAUSE_SECONDS
    with err().status("") as spinner:
        while not ExecutionStatus(execution.status).is_final:
            spinner.update(f"execution {execution.execution_id}: {execution.status}, attempt {execution.attempt}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
            execution = await client.executions.get(execution.execution_id)
    return execution
