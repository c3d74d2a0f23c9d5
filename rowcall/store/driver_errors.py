"""The border at which the driver's errors become errors of the domain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from rowcall.domain.errors import Conflict, InvalidInput, StoreUnavailable

CONFLICTS = {
    "schedules_name_taken": "a schedule with this name exists already: choose another name, or change that one",
}
"""Constraints that two honest requests can run into: their names become a Conflict."""

UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalClientError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
"""What a real restart, failover or cut raises, or a server that lets nobody in.

A fault in a statement of ours is none of them, and stays loud."""


TRY_AGAIN = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectInUseError,
    asyncpg.SerializationError,
)
"""Another transaction was in the way: two that waited for each other, one that was waited for long enough, or one that
changed what a transaction which reads one moment had read."""


REFUSED = (
    InvalidInput,
    ArithmeticError,
    ValueError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
)
"""What is raised where a row can't be written for what it holds, as seen from inside `domain_errors` or outside."""


@contextmanager
def domain_errors() -> Iterator[None]:
    """Translate what the driver raises. A constraint that nobody foresaw is a bug, and is raised as it is."""
    try:
        yield
    except asyncpg.UniqueViolationError as fault:
        if fault.constraint_name not in CONFLICTS:
            raise
        raise Conflict(CONFLICTS[fault.constraint_name]) from fault
    except asyncpg.CheckViolationError as fault:
        told = _told_of(fault)
        if told is None:
            raise
        raise told from fault
    except asyncpg.ClientConfigurationError as fault:
        raise InvalidInput.of("DATABASE_URL", str(fault)) from fault
    except asyncpg.InterfaceError as fault:
        if "connection" not in str(fault) and "pool" not in str(fault):
            raise
        raise StoreUnavailable(f"PostgreSQL does not answer: the connection to it is closed ({fault})") from fault
    except TRY_AGAIN as fault:
        raise StoreUnavailable(f"something is in the way, and will be gone: {fault}; try again") from fault
    except UNAVAILABLE as fault:
        raise StoreUnavailable(f"PostgreSQL does not answer: {str(fault) or type(fault).__name__}") from fault


def _told_of(fault: asyncpg.CheckViolationError) -> Exception | None:
    """What a refused row means: what somebody gave us, or a day that retention took away meanwhile."""
    name = fault.constraint_name
    if name is None and fault.table_name == "schedule_executions":
        return StoreUnavailable("a day of the ledger went while it was written to: try again")
    if name is None or not name.startswith("schedules_"):
        return None
    return InvalidInput.of("schedule", f"refused by the database: {name.removeprefix('schedules_').replace('_', ' ')}")
