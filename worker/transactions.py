"""Exactly once: a run's own transaction, which commits together with the end of its execution, or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from rowcall.domain.errors import StoreUnavailable
from rowcall.domain.executions import Outcome
from rowcall.store.claims import Claim
from rowcall.store.database import Database
from rowcall.store.finishing import Result, ending_transaction
from rowcall.store.releasing import release_free
from rowcall.store.sessions import Transaction

from .running.results import encode_result
from .settled import Settled

SERVER_WAITS_SECONDS = 2.0
"""So long after the run's own time the server ends its transaction: by then the worker has, or is no more.

If both did at once, a run that took too long might be told as one that failed.
"""


class RunTransaction:
    """What a task writes through: statements of its own, on the worker's connection, and the result to keep.

    `fault` is what the last of them raised that failed.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._connection = transaction.connection
        self.result: Any = None
        self.fault: BaseException | None = None

    async def execute(self, statement: str, *arguments: Any) -> str:
        """Run a statement; the server's word on it, such as ``INSERT 0 1``."""
        with self._noted():
            return await self._connection.execute(statement, *arguments)

    async def executemany(self, statement: str, rows: Any) -> None:
        """Run a statement once for each row of arguments."""
        with self._noted():
            await self._connection.executemany(statement, rows)

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:
        """All rows of a statement."""
        with self._noted():
            return await self._connection.fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: Any) -> Any:
        """The first row, or None."""
        with self._noted():
            return await self._connection.fetchrow(statement, *arguments)

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        with self._noted():
            return await self._connection.fetchval(statement, *arguments)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except BaseException as fault:
            self.fault = fault
            raise


class Transactions:
    """Makes the transactions of one worker's runs; `settled` is told which executions ended in one.

    They have connections of their own, `for_tasks`: a task that holds its transaction open does not keep the worker
    from beating, claiming or recording. While all are taken the next waits, as long as its run may last.
    """

    def __init__(
        self, database: Database, for_tasks: Database, worker_id: int, result_max_bytes: int, settled: Settled
    ) -> None:
        self._database = database
        self._for_tasks = for_tasks
        self._places = asyncio.Semaphore(for_tasks.size)
        self._worker_id = worker_id
        self._result_max_bytes = result_max_bytes
        self._settled = settled

    @asynccontextmanager
    async def open(self, claim: Claim, began: float, limit_seconds: float) -> AsyncIterator[RunTransaction]:
        """What `Run.transaction` gives to a run that `began` so on the monotonic clock, and may take so long."""
        written: RunTransaction | None = None
        ended: Result | None = None

        def result_of() -> Result:
            nonlocal ended
            text = None if written is None else encode_result(written.result, self._result_max_bytes)
            ended = Result(claim, Outcome.succeeded(text), time.monotonic() - began)
            return ended

        def left() -> float:
            return max(0.0, began + limit_seconds - time.monotonic()) + SERVER_WAITS_SECONDS

        own: BaseException | None = None
        try:
            async with (
                self._places,
                ending_transaction(self._for_tasks, self._worker_id, claim, result_of, left()) as transaction,
            ):
                written = RunTransaction(transaction)
                try:
                    yield written
                except BaseException as fault:
                    own = None if fault is written.fault else fault
                    raise
        except BaseException:
            if own is None:
                raise
        if own is not None:  # the store would have it that PostgreSQL is away, where it is the task's own OSError
            raise own
        assert ended is not None
        self._settled.note(claim.execution_id, claim.fence, ended.outcome, ended.duration_seconds)
        with suppress(StoreUnavailable):  # it is committed: whom this can't let go, the sweep does
            self._settled.on_busy((await release_free(self._database, [claim.schedule_id])).busy)
