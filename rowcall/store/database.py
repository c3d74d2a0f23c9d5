"""The pool of connections: statements by their names, each by itself or in a transaction, all with a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from typing import Any, NamedTuple

import asyncpg

from rowcall.domain.access import EVERYTHING, Access

from .connecting import CONNECT_TIMEOUT_SECONDS, NAMES, introduction, limits, server_settings
from .driver_errors import UNAVAILABLE, domain_errors
from .keeping import ANEW, choose, said_inside
from .moments import pass_moments_quickly
from .pools import Pool, close_pool, direct_pool, leave_as_it_is, make_pool
from .sessions import Connection, Row, Snapshot, Swift, Transaction, sql

ROLL_BACK_SECONDS = 2.0

PROBES = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "plan_cache_mode": ANEW,
}
"""The store asks by probes of indexes, a bounded number of rows each, and PostgreSQL is not to think it over.

Left alone it does: for a batch of results it would read the whole ledger and hash it. Nor is a plan to be kept: one
that was made when the queue was empty reads all of it for every row once it is full. Planning costs a millisecond:
where a plan is sure to stay a probe it is kept, by transactions and sessions that say so.
"""

READING_ALL = "; ".join(
    [
        "LOCK TABLE ONLY rowcall.schedule_executions IN ACCESS SHARE MODE",
        *(f"SET LOCAL {name} = on" for name in PROBES if name.startswith("enable_")),
    ]
)


class Verbs(NamedTuple):
    """What a transaction begins and ends with."""

    begin: str
    commit: str
    roll_back: str


class Database:
    """A pool of connections to one database.

    Every call has a time limit, on this side and on the server's; errors are those of the domain. Behind a pooler in
    transaction mode nothing is kept from one transaction to the next: there each statement is a transaction, which
    begins by saying what a connection of our own says once.

    `dsn` is where the connections go; `direct_dsn` leads to PostgreSQL itself, for what needs a session, and is None
    where there is no such way. `pooled` says that a pooler stands between; `has_sessions`, that a connection keeps what
    it is told, and that what a statement does by itself is done.
    """

    is_swift = False

    def __init__(
        self, pool: Pool, dsn: str, *, direct_dsn: str | None, preamble: str | None, timeout_seconds: float
    ) -> None:
        self._pool = pool
        self._preamble = preamble
        self.dsn = dsn
        self.pooled = preamble is not None
        self.has_sessions = not self.pooled
        self.direct_dsn = direct_dsn if direct_dsn is not None or self.pooled else dsn
        self.timeout_seconds = timeout_seconds
        self.known_days: set[date] = set()
        self.known_today: set[date] = set()
        self.access = EVERYTHING
        self._verbs = Verbs("BEGIN ISOLATION LEVEL READ COMMITTED", "COMMIT", "ROLLBACK")
        self._keeps_plans: bool | None = False

    def acting(self, access: Access) -> Database:
        """The same connections on somebody's behalf, as far as that reaches."""
        return self._with(access=access)

    def keeping_plans(self) -> Database:
        """The same connections: what is run alone has but one plan each, as in a transaction with `one_plan`."""
        return self._with(_keeps_plans=True)

    def planning_either_way(self) -> Database:
        """The same connections: what is run alone is planned as its connection was last told to.

        For statements that would keep their plans, and come so seldom at times that telling would be most of the work.
        Behind a pooler it is told with BEGIN as ever: there they keep them.
        """
        return self._with(_keeps_plans=None)

    def _with(self, **attributes: object) -> Database:
        changed = object.__new__(type(self))
        vars(changed).update(vars(self), **attributes)
        return changed

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        dsn: str,
        *,
        direct_dsn: str | None = None,
        pooled: bool | None = None,
        size: int = 10,
        min_size: int = 1,
        timeout_seconds: float = 30.0,
        application_name: str = "rowcall",
        prepared_statements: bool = True,
        probes_only: bool = True,
    ) -> AsyncIterator[Database]:
        """Connect, lend the database, close. Whether it is `pooled` is found out where it is None.

        `probes_only` is for the store's own statements, which name nothing but PostgreSQL's own without its schema;
        take it off where tasks run theirs. With a `timeout_seconds` of 0 there is no limit but those of transactions.

        Raises StoreUnavailable when PostgreSQL doesn't answer.
        """
        settings = limits(timeout_seconds) | (PROBES | NAMES if probes_only else {})
        options = {"min_size": min_size, "max_size": size, "command_timeout": timeout_seconds or None}
        with domain_errors():
            pool = None
            if not pooled:
                told = server_settings(application_name, timeout_seconds) | settings
                cache = 256 if prepared_statements else 0
                own: dict[str, Any] = {"statement_cache_size": cache}
                if probes_only:
                    own |= {"reset": leave_as_it_is, "init": pass_moments_quickly}
                pool = await direct_pool(dsn, told, options | own, sure=pooled is not None)
            preamble = None if pool is not None else _set_local(settings)
            if pool is None:
                pool = await make_pool(
                    dsn, introduction(application_name), options | {"statement_cache_size": 0, "reset": leave_as_it_is}
                )
        try:
            yield cls(pool, dsn, direct_dsn=direct_dsn, preamble=preamble, timeout_seconds=timeout_seconds)
        finally:
            await close_pool(pool)

    @property
    def size(self) -> int:
        """How many connections there are at most."""
        return self._pool.get_max_size()

    def terminate(self) -> None:
        """Cut all connections at once, for good; whoever waits for an answer gets StoreUnavailable."""
        self._pool.terminate()

    @asynccontextmanager
    async def transaction(
        self, *, one_plan: bool = False, limit_seconds: float | None = None
    ) -> AsyncIterator[Transaction]:
        """A session inside a transaction that commits at the end of the block.

        With `one_plan` each statement has but one plan, whatever its arguments, and that is kept: to make it anew takes
        longer than to carry it out. It is for statements that find a schedule by its key, or what is due first, and
        that are no slower so (a test names them). For others `plan_anew` comes first. With `limit_seconds` that is how
        long the server lets each statement of it take, and each pause in it.
        """
        async with self._begun(one_plan=one_plan, limit_seconds=limit_seconds) as connection:
            yield Transaction(connection, self)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """A session that reads one moment of the database, however long it takes.

        The ledger is locked before the moment is fixed: days that retention detaches from then on are still seen.
        """
        async with self._begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            await connection.execute(READING_ALL)
            yield Snapshot(connection, self)

    @asynccontextmanager
    async def swift(self) -> AsyncIterator[Swift]:
        """A session in which each statement is run by itself; it has but one plan, which is kept."""
        async with self._alone(one_plan=True) as connection:
            yield Swift(connection, self)

    async def fetch(self, name: str, *arguments: Any) -> Sequence[Row]:
        """All rows of ``sql/<name>.sql``, run by itself."""
        async with self._alone(one_plan=self._keeps_plans) as connection:
            return await connection.fetch(sql(name), *arguments)

    async def fetchrow(self, name: str, *arguments: Any) -> Row | None:
        """The first row, or None."""
        async with self._alone(one_plan=self._keeps_plans) as connection:
            return await connection.fetchrow(sql(name), *arguments)

    async def fetchval(self, name: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        async with self._alone(one_plan=self._keeps_plans) as connection:
            return await connection.fetchval(sql(name), *arguments)

    async def run_script(self, script: str) -> None:
        """Run a script of several statements in one transaction."""
        async with self._begun() as connection:
            await connection.execute(script)

    @asynccontextmanager
    async def _alone(self, *, one_plan: bool | None) -> AsyncIterator[Connection]:
        """A connection for statements by themselves; behind a pooler a transaction, where limits and plans are told."""
        if self.pooled:
            async with self._begun(one_plan=one_plan is not False) as connection:
                yield connection
        else:
            async with self._connection() as connection:
                if self.has_sessions and one_plan is not None:
                    await choose(connection, keep=one_plan)
                yield connection

    @asynccontextmanager
    async def _begun(
        self, begin: str | None = None, *, one_plan: bool = False, limit_seconds: float | None = None
    ) -> AsyncIterator[Connection]:
        """A connection inside a transaction. What has to be said first goes with its BEGIN, not after it."""
        async with self._connection() as connection:
            try:
                plans = said_inside(connection, keep=one_plan)
                limit = None if limit_seconds is None else _set_local(limits(limit_seconds))
                said = (begin or self._verbs.begin, self._preamble, limit, self._signature(), plans)
                await connection.execute("; ".join(text for text in said if text))
                yield connection
            except BaseException:
                await _roll_back(connection, self._verbs.roll_back)
                raise
            await connection.execute(self._verbs.commit)

    def _signature(self) -> str | None:
        """What tells the log of changes who acts, until the transaction ends."""
        return None if self.access.who is None else f"SET LOCAL rowcall.who = {_literal(self.access.who)}"

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with domain_errors():
            try:
                async with self._pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection:
                    yield connection
            except asyncpg.ReadOnlySQLTransactionError:
                await self._pool.expire_connections()  # they lead to what was the primary: find the new one
                raise


def _set_local(settings: dict[str, str]) -> str:
    """What a transaction is told at its beginning, and its connection forgets at its end."""
    return "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in settings.items())


def _literal(text: str) -> str:
    """Text as PostgreSQL reads it in any of its settings."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


async def _roll_back(connection: Connection, statement: str) -> None:
    """Take it back; on a line that is silent, or gone, hang up, and the server takes it back by itself.

    A statement that was cancelled may be cancelled for as long as it might have taken, an hour where a task's own runs.
    """
    try:
        async with asyncio.timeout(ROLL_BACK_SECONDS):
            await connection.execute(statement)
    except (*UNAVAILABLE, asyncpg.InterfaceError):
        with suppress(asyncpg.InterfaceError):  # what was closed can't be, and what closed it is the news
            connection.terminate()
