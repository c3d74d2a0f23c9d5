"""Whether a statement is planned anew for its arguments or has one plan that is kept: said of a connection, or inside.

To keep plans pays where making one takes longer than carrying it out, and only where the statement stays a probe
whatever the tables hold: a test names those that do.
"""

from __future__ import annotations

from typing import Any, cast

import asyncpg

ANEW, ONE_PLAN = "force_custom_plan", "force_generic_plan"

FEW = 3
"""So many take PostgreSQL less time one by one, by their keys and a plan that is kept, than together by a new one."""


class Line(asyncpg.Connection):
    """A connection that knows how its session plans: each statement anew, or once and for all. None: it isn't sure."""

    __slots__ = ("keeps_plans",)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.keeps_plans: bool | None = False

    async def keep_plans(self, *, kept: bool) -> None:
        """See to it that plans are kept from now on, or are not. Whoever lends it next asks again."""
        self.keeps_plans = None  # as it stays where this is cancelled
        await self.execute(f"SET plan_cache_mode = {ONE_PLAN if kept else ANEW}")
        self.keeps_plans = kept


async def choose(connection: object, *, keep: bool) -> None:
    """Have this connection, which a pool has lent, keep plans or make each anew."""
    line = cast("Line", connection)
    if line.keeps_plans is not keep:
        await line.keep_plans(kept=keep)


def said_inside(connection: object, *, keep: bool) -> str | None:
    """What a transaction of this connection says at its beginning; None where nothing has to be said."""
    if keep:
        return f"SET LOCAL plan_cache_mode = {ONE_PLAN}"
    return None if cast("Line", connection).keeps_plans is False else f"SET LOCAL plan_cache_mode = {ANEW}"
