"""Whether the schema that a database has is the one that this Rowcall needs. Looks only, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import asyncpg

from rowcall.domain.errors import Forbidden, StoreUnavailable

from .driver_errors import domain_errors
from .schema_files import Migration, known_migrations
from .sessions import Row, Session

LOCK_TIMEOUT_SECONDS = 5
"""How long a migration waits for another session; those who come after it wait as long as it does."""


class SchemaMismatch(StoreUnavailable):
    """The database answers, but its schema is not the one that this Rowcall needs. The message says what to do."""


async def check_schema(session: Session, migrations: Sequence[Migration] | None = None) -> None:
    """Raise SchemaMismatch unless the database has the schema that this Rowcall needs.

    What a newer Rowcall added ahead of its code (`pre`) is no obstacle; what it took away (`post`) is.
    """
    known = known_migrations() if migrations is None else migrations
    applied = await applied_migrations(session)
    if applied is None:
        raise SchemaMismatch("The database has no Rowcall schema yet: run `rowcall migrate`.")
    check_history(applied, known)
    missing = [m for m in known if m.version not in applied and m.name.startswith("pre_")]
    if missing:
        raise SchemaMismatch(
            f"The database is at schema {max(applied)}, this Rowcall needs {missing[-1].version}: "
            "run `rowcall migrate`."
        )


async def schema_version(session: Session) -> str | None:
    """The newest version applied, or None where there is no schema of Rowcall."""
    applied = await applied_migrations(session)
    return max(applied) if applied else None


async def pending_migrations(session: Session, migrations: Sequence[Migration] | None = None) -> list[str]:
    """The versions that `apply_schema` would apply, oldest first."""
    known = known_migrations() if migrations is None else migrations
    applied = await applied_migrations(session) or {}
    return [migration.version for migration in known if migration.version not in applied]


async def applied_migrations(session: Session) -> dict[str, Row] | None:
    """What was applied, by version; None where there is no schema of Rowcall."""
    with schema_errors():
        if not await session.fetchval("has_schema"):
            return None
        return {row["version"]: row for row in await session.fetch("list_migrations")}


def check_history(applied: Mapping[str, Row], known: Sequence[Migration]) -> None:
    """What was applied must be what this Rowcall knows, or something newer that it can live with."""
    by_version = {migration.version: migration for migration in known}
    for version, row in applied.items():
        migration = by_version.get(version)
        if migration is None and row["name"].startswith("post_"):
            raise SchemaMismatch(
                f"The database is at schema {max(applied)}, and was changed by a newer Rowcall so that this one, "
                f"which knows {max(by_version)}, can't use it: upgrade Rowcall."
            )
        if migration is not None and row["checksum"] not in {None, *migration.recognised}:
            raise SchemaMismatch(
                f"Schema file {version} ({migration.name}) is not the one that this database was built with: "
                "it was built by another, perhaps unreleased, Rowcall. Use that one, or an empty database."
            )


@contextmanager
def schema_errors() -> Iterator[None]:
    """What changing or reading a schema can run into, besides what every statement can."""
    with domain_errors():
        try:
            yield
        except asyncpg.InsufficientPrivilegeError as fault:
            raise Forbidden(
                f"This role may not use or change the schema: {fault}. `rowcall migrate` needs a role that owns the "
                "schema rowcall, or that may CREATE in the database."
            ) from fault
        except asyncpg.LockNotAvailableError as fault:
            raise StoreUnavailable(
                f"Another session held a lock for {LOCK_TIMEOUT_SECONDS} seconds, and the migration stepped back "
                "rather than make all others queue up behind it. Nothing is half done: try again, at a quieter moment."
            ) from fault
