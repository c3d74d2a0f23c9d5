"""A database is brought to the schema that this Rowcall needs; what the embedded server holds is dumped before."""

from __future__ import annotations

from collections.abc import Callable

from rowcall.embedded import EmbeddedServer
from rowcall.embedded.dumping import dump
from rowcall.store.database import Database
from rowcall.store.migrations import apply_schema, pending_migrations, schema_version


async def bring_up_to_date(
    database: Database, embedded: EmbeddedServer | None, say: Callable[[str], None]
) -> list[str]:
    """Apply what is missing; the versions that were. Raises as `apply_schema` does, and EmbeddedError without a dump.

    Whoever named a server of their own has their own backups. Nobody makes any of the embedded one.
    """
    version = await schema_version(database)
    if embedded is not None and version is not None and (pending := await pending_migrations(database)):
        say(f"the schema is at {version} and is brought to {pending[-1]}: its database is dumped before")
        say(f"dumped to {await dump(embedded, f'schema-{version}')}")
    return await apply_schema(database)
