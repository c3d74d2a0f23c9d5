"""Statements that somebody else wrote down, run as a role of their own, in one transaction with their execution's end.

worker, as Rowcall     keeps the hash of a random token for this attempt
sql role, fresh        BEGIN · the statements · rowcall.finish_sql_run(…, token, …) · COMMIT
connection

The statements, and all that they call, may be hostile to Rowcall. They get no right on its tables, so there is nothing
to reach by RESET ROLE; the token is sent when they have ended, and is good for this attempt only; every run has a
connection of its own, so nothing that one leaves in its session meets another; and each statement is sent by itself in
the extended protocol, which takes no second one after a semicolon. A statement that ends the transaction is found out.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from rowcall.app import Run
from rowcall.domain.errors import Forbidden, InvalidInput, LeaseLost, RowcallError, StoreUnavailable

from .connecting import Connection, connect_past_poolers, server_settings
from .database import Database
from .driver_errors import UNAVAILABLE
from .sessions import sql
from .sql_values import ROWS_KEPT, arguments_for, kept

HANG_UP_SECONDS = 2.0
ROWS_AT_ONCE = 200


class StatementFailed(RowcallError):
    """PostgreSQL refused a statement, or the transaction; nothing of it was kept."""


class StatementTookTooLong(StatementFailed):
    """The statement came to its time limit; nothing of it was kept."""


class EndedTooEarly(RowcallError):
    """The statement ended its own transaction: what it did before that was kept, and the execution was not ended."""


@dataclass(frozen=True, slots=True)
class SqlEnd:
    """An execution that ended with its work: the result as JSON text, and whether others wait for its end."""

    result: str | None
    duration_seconds: float
    others_wait: bool


class SqlRuns:
    """Runs statements at `dsn`, the database of `database` as another role; at most `size` at once."""

    def __init__(self, database: Database, dsn: str, size: int) -> None:
        self._database = database
        self._dsn = dsn
        self._places = asyncio.Semaphore(size)

    async def carry_out(
        self,
        run: Run,
        statements: Sequence[str],
        values: Mapping[str, object],
        encode: Callable[[object], str | None],
        *,
        timeout_seconds: float | None = None,
    ) -> SqlEnd:
        """Run the statements in one transaction that ends with the execution's success; `values` are $1, $2 and so on.

        `encode` makes the text to keep of the last statement's answer. Raises StatementFailed, EndedTooEarly,
        InvalidInput for values that don't fit, Forbidden for a role that has too many rights or too few, LeaseLost
        when the execution is not this attempt's any more, and StoreUnavailable. But for EndedTooEarly, and for a COMMIT
        that nobody answered, nothing was kept.
        """
        began = time.monotonic()
        async with self._places, self._token_for(run) as token, self._session(timeout_seconds) as connection:
            with _told():
                await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
                number = await connection.fetchval("SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text")
                answer: object = None
                for statement in statements:
                    answer = await _answer(connection, statement, values)
                    await _check_transaction(connection, number)
                seconds, result = time.monotonic() - began, encode(answer)
                await connection.execute("SET ROLE NONE")  # whatever role the statements have put on
                others_wait = await connection.fetchval(
                    sql("finish_sql_run"), run.execution_id, run.scheduled_for, run.fence, token, seconds, result
                )
                if await connection.execute("COMMIT") != "COMMIT":
                    raise StatementFailed("the transaction was rolled back at its end")
        return SqlEnd(result, seconds, others_wait)

    @asynccontextmanager
    async def _token_for(self, run: Run) -> AsyncIterator[bytes]:
        """A token for this attempt. It need not be taken back: it is void with the attempt, and was used if all went
        well."""
        token = secrets.token_bytes(32)
        hashed = hashlib.sha256(token).digest()
        if await self._database.fetchval("issue_run_token", run.execution_id, run.fence, hashed) is None:
            raise LeaseLost(f"execution {run.execution_id} was given to another worker; nothing was run")
        yield token

    @asynccontextmanager
    async def _session(self, timeout_seconds: float | None) -> AsyncIterator[Connection]:
        """A connection for one run, as the role of sql tasks, if that role has the rights it should have."""
        settings = server_settings("rowcall sql", timeout_seconds or 0)
        with _told():
            connection = await connect_past_poolers(
                self._dsn, "ROWCALL_SQL_DATABASE_URL", statement_cache_size=0, server_settings=settings
            )
        try:
            with _told():
                objection = await connection.fetchval(sql("objection_to_sql_role"))
            if objection is not None:
                raise Forbidden(f"the role of ROWCALL_SQL_DATABASE_URL can't run sql tasks: {objection}")
            yield connection
        finally:
            await _hang_up(connection)


async def _answer(connection: Connection, statement: str, values: Mapping[str, object]) -> object:
    """Run one statement; its rows, the first of them at least, or the server's word on it."""
    prepared = await connection.prepare(statement)
    arguments = arguments_for(values, prepared.get_parameters())
    if not prepared.get_attributes():
        await prepared.fetch(*arguments)
        return {"status": prepared.get_statusmsg()}
    rows: list[Any] = []
    count = 0
    async for row in prepared.cursor(*arguments, prefetch=ROWS_AT_ONCE):
        count += 1
        if count <= ROWS_KEPT:
            rows.append(kept(row))
    return {"row_count": count, "rows": rows}


async def _check_transaction(connection: Connection, number: str) -> None:
    """Raise unless this is still the transaction that was begun."""
    found = await connection.fetchval("SELECT pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text")
    if found != number:
        raise EndedTooEarly(
            "a statement ended the transaction that it ran in: what it and those before it did may have been kept, "
            "without the end of their execution; leave BEGIN, COMMIT and ROLLBACK to Rowcall"
        )


@contextmanager
def _told() -> Iterator[None]:
    """Translate what the driver raises: a fault of the statement's is the task's own failure, and told in full."""
    try:
        yield
    except asyncpg.QueryCanceledError as fault:
        raise StatementTookTooLong(_description(fault)) from fault
    except asyncpg.ObjectNotInPrerequisiteStateError as fault:
        if "is not ended" in str(fault):
            raise LeaseLost(str(fault)) from fault
        raise StatementFailed(_description(fault)) from fault
    except UNAVAILABLE as fault:
        raise StoreUnavailable(f"PostgreSQL does not answer: {str(fault) or type(fault).__name__}") from fault
    except asyncpg.PostgresError as fault:
        if "query argument" in str(fault):  # the driver's own word: the value was not even sent
            raise InvalidInput.of("parameters", str(fault)) from fault
        raise StatementFailed(_description(fault)) from fault
    except asyncpg.InterfaceError as fault:
        raise StoreUnavailable(f"PostgreSQL does not answer: {fault}") from fault


def _description(fault: asyncpg.PostgresError) -> str:
    """What PostgreSQL says of an error, as psql would show it."""
    said = f"{fault} ({fault.sqlstate})"  # with its detail and hint
    where = getattr(fault, "context", None)
    return f"{said}\ncontext: {where}" if where else said


async def _hang_up(connection: Connection) -> None:
    """Close politely, which also waits for a statement that was cancelled; then at once."""
    try:
        await connection.close(timeout=HANG_UP_SECONDS)
    except (*UNAVAILABLE, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
