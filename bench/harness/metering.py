"""What a span of time cost: processor time of each side, write-ahead log, transactions."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from .processes import cpu_seconds, cpu_seconds_of_tree, fine_cpu_seconds_of_tree, machine_busy_seconds
from .server import Server

COUNTERS = """
    SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint AS wal_bytes,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS transactions,
           (SELECT wal_fpi FROM pg_stat_wal) AS full_pages
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that is counted, at one moment; the difference of two readings is what the time between them cost.

    `transactions` are those that wrote something, exactly counted: the server's own numbers for them are consecutive.
    `other_seconds` is processor time of everything on the machine that was not measured.
    """

    at: float
    worker_seconds: float
    server_seconds: float
    other_seconds: float
    wal_bytes: int
    full_pages: int
    transactions: int

    def __sub__(self, before: Reading) -> Reading:
        return Reading(
            self.at - before.at,
            self.worker_seconds - before.worker_seconds,
            self.server_seconds - before.server_seconds,
            self.other_seconds - before.other_seconds,
            self.wal_bytes - before.wal_bytes,
            self.full_pages - before.full_pages,
            self.transactions - before.transactions,
        )

    @property
    def busy_others(self) -> float:
        """How many cores others kept busy, of a difference: above a third the machine was not ours."""
        return max(0.0, self.other_seconds / self.at) if self.at else 0.0


class Meter:
    """Reads the counters. `fine` counts the workers' processor time to the microsecond, for what is nearly idle."""

    def __init__(
        self,
        server: Server,
        connection: asyncpg.Connection[asyncpg.Record],
        workers: Sequence[int] = (),
        *,
        fine: bool = False,
    ) -> None:
        self._server = server
        self._connection = connection
        self._workers = workers
        self._seconds_of = fine_cpu_seconds_of_tree if fine else cpu_seconds_of_tree

    async def read(self) -> Reading:
        """Now."""
        counters = await self._connection.fetchrow(COUNTERS)
        assert counters is not None  # one row, always
        workers = sum(self._seconds_of(pid) for pid in self._workers)
        server = cpu_seconds_of_tree(self._server.pid)
        known = workers + server + cpu_seconds(os.getpid())
        return Reading(
            time.time(),
            workers,
            server,
            machine_busy_seconds() - known,
            counters["wal_bytes"],
            counters["full_pages"],
            counters["transactions"],
        )
