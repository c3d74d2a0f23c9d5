"""Calls about executions: the ledger of all schedules, the end of one, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rowcall.domain.errors import RowcallError
from rowcall.domain.executions import ExecutionStatus
from rowcall.wire.executions import ExecutionList, ExecutionView

from .calls import Call, Pages, Pause, Steps, reader
from .errors import RateLimited, Unavailable
from .fields import Moment

FIRST_LOOK_SECONDS = 0.05
LONGEST_LOOK_SECONDS = 2.0
LEAST_SECONDS = 1.0
"""So long the last look may take, however little time is left."""


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
        """Look again and again. After a look that was lost too, as often as it takes, unless `retries` is 0."""
        until, pause = time.monotonic() + self.timeout, FIRST_LOOK_SECONDS
        seen: ExecutionView | None = None
        while True:
            lost: Unavailable | RateLimited | None = None
            try:
                seen = yield from self._look(until).steps(0)
            except (Unavailable, RateLimited) as fault:
                lost = fault
            if seen is not None and ExecutionStatus(seen.status).is_final:
                return seen
            left = until - time.monotonic()
            if lost is not None and (not retries or (seen is None and left <= 0)):
                raise lost
            if left <= 0:
                assert seen is not None
                raise WaitedTooLong(seen, self.timeout) from lost
            asked = 0.0 if lost is None else lost.retry_after or 0.0
            yield Pause(min(max(pause, asked), left))
            pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)

    def _look(self, until: float) -> Call[ExecutionView]:
        return replace(get(self.execution_id), within=max(until - time.monotonic(), LEAST_SECONDS))


def wait(execution: int | ExecutionView, timeout: float = 3600.0) -> _Waiting:
    """The execution once its status is final, however it ended. Raises WaitedTooLong after `timeout` seconds.

    A server that can't be reached meanwhile is looked for until then; Unavailable where it never told of the execution.
    """
    return _Waiting(execution if isinstance(execution, int) else execution.execution_id, timeout)
