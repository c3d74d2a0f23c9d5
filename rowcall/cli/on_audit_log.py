"""What ``rowcall audit-log`` does: reads who changed what."""

from __future__ import annotations

from rowcall.settings import Settings
from rowcall.store.audit_log import AuditFilter, AuditRow, list_audit_log
from rowcall.store.database import Database
from rowcall.store.schedules import resolve_schedule

from .access import a_database
from .durations import moment_asked_for
from .output import print_json, print_table, say

PAGE = 500
COLUMNS = ("CHANGED", "WHO", "ACTION", "OF", "CLIENT", "BEFORE", "AFTER")


async def list_changes(
    schedule: str | None,
    client: str,
    who: str | None,
    action: str | None,
    since: str | None,
    until: str | None,
    *,
    limit: int,
    as_json: bool,
) -> None:
    """List changes, the newest first. `client` says whose schedule a name means."""
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        wanted = AuditFilter(
            schedule_id=None if schedule is None else await resolve_schedule(place.database, client, schedule),
            who=who,
            action=action,
            since=await moment_asked_for(place.database, since, "--since"),
            until=await moment_asked_for(place.database, until, "--until"),
        )
        found = await _pages(place.database, wanted, limit)
    if as_json:
        for entry in found:
            print_json(entry)
    else:
        print_table(COLUMNS, map(_line, found), empty="No changes.")
        if len(found) == limit:
            say(f"These are the newest {limit}; --limit takes more.")


async def _pages(database: Database, wanted: AuditFilter, limit: int) -> list[AuditRow]:
    found: list[AuditRow] = []
    while len(found) < limit:
        size = min(PAGE, limit - len(found))
        page = await list_audit_log(database, wanted, found[-1]["entry_id"] if found else None, size)
        found += page
        if len(page) < size:
            break
    return found


def _line(entry: AuditRow) -> tuple[object, ...]:
    created = entry["before"] is None and entry["action"] == "schedule.created"
    after = {name: entry["after"][name] for name in ("name", "task_type")} if created else entry["after"]
    columns = ("changed_at", "who", "action", "subject", "client_id", "before")
    return (*(entry[column] for column in columns), after)
