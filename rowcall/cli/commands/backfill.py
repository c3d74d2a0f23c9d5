"""``rowcall backfill …``: start, list, show, cancel."""

from __future__ import annotations

from typing import Annotated

import typer

from rowcall.cli.options import AsJson, Client, Limit, Reference, Statuses

commands = typer.Typer(help="Run what a schedule missed in a range of the past.", no_args_is_help=True)

BackfillId = Annotated[int, typer.Argument(metavar="BACKFILL", min=1, help="A backfill's id.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Show its progress until it is over.")]


@commands.command()
def start(
    schedule: Reference,
    since: Annotated[str, typer.Option(help="From then on: 2030-01-31T09:00, read in its zone, or 7d for days ago.")],
    until: Annotated[str, typer.Option(help="Before then; now where left out.")] = "0s",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would run.")] = False,
    rate: Annotated[
        int | None, typer.Option(metavar="PER_MINUTE", min=1, max=60000, help="Start at most so many a minute.")
    ] = None,
    max_concurrent: Annotated[
        int, typer.Option("--max-concurrent", min=1, max=1000, help="At most so many are open at once.")
    ] = 1,
    reason: Annotated[str | None, typer.Option(help="Kept with the backfill.")] = None,
    follow: Follow = False,
    client: Client = "default",
    as_json: AsJson = False,
) -> None:
    """Run each occurrence of a range that has not run. Workers do it, one at a time, while they have time."""
    from rowcall.cli.on_backfills import Wanted, start_one
    from rowcall.cli.running import run

    wanted = Wanted(since, until, rate, max_concurrent, reason)
    raise typer.Exit(run(start_one(schedule, client, wanted, dry_run=dry_run, follow=follow, as_json=as_json)))


@commands.command("list")
def list_(
    schedule: Annotated[str | None, typer.Option(help="Only of this schedule, a name or an id.")] = None,
    status: Statuses = None,
    client: Client = "default",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List backfills, the newest first."""
    from rowcall.cli.on_backfills import list_them
    from rowcall.cli.running import run

    run(list_them(schedule, client, status, limit=limit, as_json=as_json))


@commands.command()
def show(backfill: BackfillId, follow: Follow = False, as_json: AsJson = False) -> None:
    """Show a backfill, and how far it is."""
    from rowcall.cli.on_backfills import show_one
    from rowcall.cli.running import run

    raise typer.Exit(run(show_one(backfill, follow=follow, as_json=as_json)))


@commands.command()
def cancel(backfill: BackfillId, as_json: AsJson = False) -> None:
    """Start no more of a backfill; what runs of it runs to its end."""
    from rowcall.cli.on_backfills import cancel_one
    from rowcall.cli.running import run

    run(cancel_one(backfill, as_json=as_json))
