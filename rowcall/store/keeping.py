"""Whether a statement is planned anew for its arguments or has one plan that is kept: said of a connection, or inside.

To keep plans pays where making one takes longer than carrying it out, and only where the statement stays a probe
whatever the tables hold: a test names those that do.
"""

from __future__ import annotations

from typing import Protocol

ONE_PLAN_EACH = "SET LOCAL plan_cache_mode = force_generic_plan"
PLANNED_ANEW = "SET LOCAL plan_cache_mode = force_custom_plan"


class Plannable(Protocol):
    """A connection, as far as this is about it."""

    def get_server_pid(self) -> int:
        """The server's process that serves it."""
        ...

    async def execute(self, query: str, /) -> str:
        """Run a text."""
        ...


class Keepers:
    """The connections of a pool that keep plans by now. One of which that is not sure counts as one that does."""

    def __init__(self) -> None:
        self._processes: set[int] = set()

    async def choose(self, connection: Plannable, *, keep: bool) -> None:
        """Have this connection keep plans, or make each anew, from now on."""
        process = connection.get_server_pid()
        if keep == (process in self._processes):
            return
        self._processes.add(process)
        await connection.execute((ONE_PLAN_EACH if keep else PLANNED_ANEW).replace("LOCAL", "SESSION"))
        if not keep:
            self._processes.remove(process)

    def unless_kept(self, connection: Plannable) -> str | None:
        """What a transaction says that has its statements planned anew; None where this connection does so already."""
        return PLANNED_ANEW if connection.get_server_pid() in self._processes else None
