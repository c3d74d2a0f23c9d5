"""What ``rowcall migrate`` does: the schema that this Rowcall needs, or whether it is there."""

from __future__ import annotations

from rowcall.settings import Settings
from rowcall.store.migrations import check_schema, pending_migrations, schema_version

from .access import Schema, a_database
from .exits import ExitCode
from .output import print_json, say
from .upgrading import bring_up_to_date


async def migrate(*, check: bool, as_json: bool) -> ExitCode:
    """Apply what is missing, or with `check` only tell: then FAULT says that something is."""
    async with a_database(Settings.from_environment(), purpose="migrate", schema=Schema.LEAVE, say=say) as place:
        pending = await pending_migrations(place.database)
        applied = [] if check else await bring_up_to_date(place.database, place.embedded, say)
        if not pending or not check:
            await check_schema(place.database)
        version = await schema_version(place.database)
    if as_json:
        print_json({"version": version, "applied": applied, "pending": pending if check else []})
    elif applied:
        say(f"Applied {', '.join(applied)}; the schema is at {version}.")
    elif pending and check:
        say(f"Missing: {', '.join(pending)}; the schema is at {version or 'nothing'}. Run `rowcall migrate`.")
    else:
        say(f"The schema is at {version}; nothing is missing.")
    return ExitCode.FAULT if check and pending else ExitCode.OK
