"""Commands that look into an installation: migrate, preview, audit, retention, doctor, psql."""

from __future__ import annotations

from typing import Annotated

import typer

from rowcall.cli.options import AsJson, Client, Limit, Timezone


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 if something is missing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database to the schema that this Rowcall needs. Safe at any time, from any number of machines."""
    from rowcall.cli.migrating import migrate as bring_up_to_date
    from rowcall.cli.running import run

    raise typer.Exit(run(bring_up_to_date(check=check, as_json=as_json)))


def preview(
    expression: Annotated[
        str | None, typer.Argument(metavar="[EXPRESSION]", help="Cron: '*/15 9-17 * * MON-FRI'.")
    ] = None,
    cron_fields: Annotated[str | None, typer.Option(metavar="JSON", help="Fields instead: '{\"hour\": 9}'.")] = None,
    interval: Annotated[str | None, typer.Option(help="90, 90s, 5m, 1h30m, 2d.")] = None,
    at: Annotated[str | None, typer.Option(help="Once: 2030-01-31T09:00, read in the zone.")] = None,
    timezone: Timezone = None,
    name: Annotated[
        str | None, typer.Option(help="What the schedule is to be called: it decides the slots of H.")
    ] = None,
    client: Client = "default",
    after: Annotated[str | None, typer.Option(help="From this moment on; now where left out.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="So many occurrences.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Tell what a rule means, and when it would run next. Needs no database; with a server, that one is asked."""
    from rowcall.cli.durations import seconds_of
    from rowcall.cli.options import an_object
    from rowcall.cli.previewing import preview as tell
    from rowcall.cli.reaching import whose

    given = {
        "cron_expression": expression,
        "cron_fields": an_object(cron_fields, "--cron-fields"),
        "interval_seconds": None if interval is None else seconds_of(interval, "--interval"),
        "scheduled_time": at,
        "timezone": timezone,
        "name": name,
        "client_id": whose(client),
    }
    tell({name: value for name, value in given.items() if value is not None}, after, count, as_json=as_json)


def audit(
    schedules: Annotated[list[str] | None, typer.Argument(metavar="[SCHEDULE]...", help="Only these.")] = None,
    since: Annotated[str | None, typer.Option(help="From then on: 2030-01-31T09:00Z, or 2d for days ago.")] = None,
    until: Annotated[str | None, typer.Option(help="Until then.")] = None,
    client: Client = "default",
    as_json: AsJson = False,
) -> None:
    """Check that every occurrence is answered for exactly once, and name the holes. Exit code 1 if there are any."""
    from rowcall.cli.auditing import check_ledger
    from rowcall.cli.running import run

    raise typer.Exit(run(check_ledger(schedules or (), client, since, until, as_json=as_json)))


def retention(
    older_than: Annotated[
        str | None, typer.Option(help="Instead of ROWCALL_RETENTION_DAYS: 30d, 12w; a day at least.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Drop nothing; tell what would be.")] = False,
    as_json: AsJson = False,
) -> None:
    """Drop the days of the ledger that are older than the retention, as workers do by themselves."""
    from rowcall.cli.retaining import retain
    from rowcall.cli.running import run

    raise typer.Exit(run(retain(older_than, dry_run=dry_run, as_json=as_json)))


def audit_log(
    schedule: Annotated[str | None, typer.Option(help="Only of this schedule, a name or an id.")] = None,
    who: Annotated[str | None, typer.Option(help="Only by these; how the name begins: 'key ab12cd34', 'ada'.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this, as in schedule.changed; or schedule, execution, backfill, key.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="From then on: 2030-01-31T09:00Z, or 2d for days ago.")] = None,
    until: Annotated[str | None, typer.Option(help="Before then.")] = None,
    client: Client = "default",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Tell who changed what, the newest first: through the API, commands, code or SQL. `audit` checks the runs."""
    from rowcall.cli.on_audit_log import list_changes
    from rowcall.cli.running import run

    run(list_changes(schedule, client, who, action, since, until, limit=limit, as_json=as_json))


def doctor(as_json: AsJson = False) -> None:
    """Look for what is wrong with this installation, and say what to do. Exit code 1 if something is."""
    from rowcall.cli.doctor import examine
    from rowcall.cli.running import run

    raise typer.Exit(run(examine(as_json=as_json)))


def psql(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGUMENTS]", help="For psql: -- -c 'SELECT 1'.")
    ] = None,
    show: Annotated[bool, typer.Option("--print", help="Write the command instead of running it.")] = False,
) -> None:
    """Open the database with psql, the embedded one too."""
    from rowcall.cli.psql import open_psql
    from rowcall.cli.running import run

    raise typer.Exit(run(open_psql(arguments or (), show=show)))
