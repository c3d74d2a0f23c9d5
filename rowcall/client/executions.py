"""Calls about executions: the ledger of all schedules, the end of one, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rowcall.domain.errors import RowcallError
from rowcall.domain.executions import ExecutionStatus
from rowcall.wire.executions import ExecutionList, ExecutionView

from .calls import Call, Pages, Pause, Steps, reader
from .fields import Moment

FIRST_LOOK_SECONDS = 0.05
LONGEST_LOOK_SECONDS = 2.0


class WaitedTooLong(RowcallError):
    """The execution was still open when the time was over; `execution` is how it was then. Nothing was cancelled."""

    def __init__(self, execution: ExecutionView, seconds: float) -> None:
        super().__init__(f"execution {execution.execution_id} is {execution.status} after {seconds:g} seconds")
        self.execution = execution


def list_(
    *,
    status: Sequence[str] = (),
    trigger: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    schedule_id: int | None = None,
    task_type: str | None = None,
    client_id: str | None = None,
    limit: int | None = None,
) -> Pages[ExecutionList, ExecutionView]:
    """Executions of all schedules, the newest first, page after page as they are asked for; all, or `limit`."""
    wanted = {
        "status": list(status),
        "trigger": trigger,
        "since": since,
        "until": until,
        "schedule_id": schedule_id,
        "task_type": task_type,
        "client_id": client_id,
    }
    call = Call(method="GET", path="/v1/executions", params=wanted, read=reader(ExecutionList))
    return Pages(call, lambda page: page.executions, limit)


def get(execution_id: int) -> Call[ExecutionView]:
    """One execution."""
    return Call(method="GET", path=f"/v1/executions/{execution_id:d}", read=reader(ExecutionView))


def cancel(execution_id: int) -> Call[ExecutionView]:
    """End an execution: a queued one at once; of a running one the end is requested, and its status says RUNNING."""
    return Call(method="POST", path=f"/v1/executions/{execution_id:d}/cancel", read=reader(ExecutionView))


@dataclass(frozen=True, slots=True)
class _Waiting:
    execution_id: int
    timeout: float

    def steps(self, retries: int) -> Steps[ExecutionView]:
        until, pause = time.monotonic() + self.timeout, FIRST_LOOK_SECONDS
        while True:
            execution = yield from get(self.execution_id).steps(retries)
            if ExecutionStatus(execution.status).is_final:
                return execution
            left = until - time.monotonic()
            if left <= 0:
                raise WaitedTooLong(execution, self.timeout)
            yield Pause(min(pause, left))
            pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)


def wait(execution: int | ExecutionView, timeout: float = 3600.0) -> _Waiting:
    """The execution once its status is final, however it ended. Raises WaitedTooLong after `timeout` seconds."""
    return _Waiting(execution if isinstance(execution, int) else execution.execution_id, timeout)
