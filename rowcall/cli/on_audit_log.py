"""What ``rowcall audit-log`` does: reads who changed what."""

from __future__ import annotations

from rowcall.wire.audit_log import AuditEntryView

from .durations import moment_asked_of
from .on_executions import schedule_id_of
from .output import print_json, print_table, say
from .reaching import an_api

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
    async with an_api() as api:
        changes = api.client.audit_log(
            schedule_id=await schedule_id_of(api.client, schedule, client),
            who=who,
            action=action,
            since=await moment_asked_of(api.client, since, "--since"),
            until=await moment_asked_of(api.client, until, "--until"),
            limit=limit,
        )
        found = [entry async for entry in changes]
    if as_json:
        for entry in found:
            print_json(entry.model_dump(mode="json"))
    else:
        print_table(COLUMNS, map(_line, found), empty="No changes.")
        if len(found) == limit:
            say(f"These are the newest {limit}; --limit takes more.")


def _line(entry: AuditEntryView) -> tuple[object, ...]:
    created = entry.before is None and entry.action == "schedule.created"
    after = {name: entry.after[name] for name in ("name", "task_type")} if created else entry.after
    return (entry.changed_at, entry.who, entry.action, entry.subject, entry.client_id, entry.before, after)
