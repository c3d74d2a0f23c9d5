"""``rowcall executions …``: list, show, cancel."""

from __future__ import annotations

from typing import Annotated

import typer

from rowcall.cli.options import AsJson, Client, Limit, Statuses

commands = typer.Typer(help="Read the ledger, and end what runs.", no_args_is_help=True)

ExecutionId = Annotated[int, typer.Argument(metavar="EXECUTION", min=1, help="An execution's id.")]


@commands.command("list")
def list_(
    schedule: Annotated[str | None, typer.Option(help="Only of this schedule, a name or an id.")] = None,
    status: Statuses = None,
    task_type: Annotated[str | None, typer.Option("--task", help="Only of this task type.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Scheduled from then on: 2030-01-31T09:00Z, or 2h for hours ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Scheduled before then.")] = None,
    client: Client = "default",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List executions, the newest first."""
    from rowcall.cli.on_executions import list_them
    from rowcall.cli.running import run

    run(list_them(schedule, client, status, task_type, since, until, limit=limit, as_json=as_json))


@commands.command()
def show(execution: ExecutionId, as_json: AsJson = False) -> None:
    """Show one execution whole."""
    from rowcall.cli.on_executions import show_one
    from rowcall.cli.running import run

    run(show_one(execution, as_json=as_json))


@commands.command()
def cancel(execution: ExecutionId, as_json: AsJson = False) -> None:
    """End an execution: a queued one at once, of a running one the end is requested."""
    from rowcall.cli.on_executions import cancel_one
    from rowcall.cli.running import run

    run(cancel_one(execution, as_json=as_json))
