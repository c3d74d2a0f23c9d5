"""``rowcall keys …``: create, list, revoke."""

from __future__ import annotations

from typing import Annotated

import typer

from rowcall.cli.options import AsJson

commands = typer.Typer(help="Make and revoke the keys of the API.", no_args_is_help=True)


@commands.command()
def create(
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", help="read, run, write or admin; each includes those before it, and admin sees every client."
        ),
    ] = None,
    client: Annotated[str, typer.Option("--client", help="Whose schedules it is for.")] = "default",
    name: Annotated[str | None, typer.Option("--name", help="What it is for; told wherever it did something.")] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="90d for in 90 days, or 2030-01-31T09:00Z; never where left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once, and kept nowhere: --scope read, where no other is named."""
    from rowcall.cli.on_keys import create_one
    from rowcall.cli.running import run

    run(create_one(scope or ["read"], client, name, expires, as_json=as_json))


@commands.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that are revoked or expired, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List keys, the oldest first; never their secrets."""
    from rowcall.cli.on_keys import list_them
    from rowcall.cli.running import run

    run(list_them(every=every, as_json=as_json))


@commands.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, the eight signs after rowcall_.")],
    as_json: AsJson = False,
) -> None:
    """Make a key invalid for good. Every API refuses it within two seconds."""
    from rowcall.cli.on_keys import revoke_one
    from rowcall.cli.running import run

    run(revoke_one(key, as_json=as_json))
