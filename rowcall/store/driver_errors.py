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
        if not (fault.constraint_name or "").startswith("schedules_"):
            raise
        field = str(fault.constraint_name).removeprefix("schedules_").replace("_", " ")
        raise InvalidInput.of("schedule", f"refused by the database: {field}") from fault
    except asyncpg.ClientConfigurationError as fault:
        raise InvalidInput.of("DATABASE_URL", str(fault)) from fault
    except asyncpg.InterfaceError as fault:
        if "connection" not in str(fault) and "pool" not in str(fault):
            raise
        raise StoreUnavailable(f"PostgreSQL does not answer: {fault}") from fault
    except asyncpg.DeadlockDetectedError as fault:
        raise StoreUnavailable("two transactions waited for each other, and this one gave way: try again") from fault
    except UNAVAILABLE as fault:
        raise StoreUnavailable(f"PostgreSQL does not answer: {str(fault) or type(fault).__name__}") from fault
