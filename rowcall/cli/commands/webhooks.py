"""``rowcall webhooks …``: list, show, redeliver."""

from __future__ import annotations

from typing import Annotated

import typer

from rowcall.cli.options import AsJson, Client, Limit, Statuses

commands = typer.Typer(help="What callback URLs are told, and how that went.", no_args_is_help=True)


@commands.command("list")
def list_(
    schedule: Annotated[str | None, typer.Option(help="Only of this schedule, a name or an id.")] = None,
    execution: Annotated[int | None, typer.Option(min=1, help="Only of this execution.")] = None,
    status: Statuses = None,
    client: Client = "default",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, the newest first."""
    from rowcall.cli.on_webhooks import list_them
    from rowcall.cli.running import run

    run(list_them(schedule, client, execution, status, limit=limit, as_json=as_json))


@commands.command()
def redeliver(
    deliveries: Annotated[list[int], typer.Argument(metavar="DELIVERY...", min=1, help="Ids of deliveries.")],
    as_json: AsJson = False,
) -> None:
    """Deliver anew, under the same id, to where the callback_url points now."""
    from rowcall.cli.on_webhooks import redeliver_them
    from rowcall.cli.running import run

    run(redeliver_them(deliveries, as_json=as_json))
