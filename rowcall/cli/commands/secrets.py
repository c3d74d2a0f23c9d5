"""``rowcall secrets …``: create, rotate, retire, grant, list, remove."""

from __future__ import annotations

from typing import Annotated

import typer

from rowcall.cli.options import AsJson

commands = typer.Typer(help="Keep the secrets that sign webhooks, and that http tasks send.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The secret's name; webhooks, or webhooks/CLIENT, signs webhooks.")
]
Clients = Annotated[
    list[str] | None, typer.Option("--client", help="Who may use it; repeatable, and '*' for everybody.")
]
Given = Annotated[bool, typer.Option("--stdin", help="Read the value from standard input; made at random without it.")]


@commands.command()
def create(
    name: Name,
    client: Clients = None,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", help="Where it may be sent: api.example.com, *.example.com; repeatable."),
    ] = None,
    stdin: Given = False,
    as_json: AsJson = False,
) -> None:
    """Keep a secret. One that is made here is shown once."""
    from rowcall.cli.on_secrets import create_one

    create_one(name, client or [], host or [], given=stdin, as_json=as_json)


@commands.command()
def rotate(name: Name, stdin: Given = False, as_json: AsJson = False) -> None:
    """Give it another value. The one before stays valid until it is retired."""
    from rowcall.cli.on_secrets import rotate_one

    rotate_one(name, given=stdin, as_json=as_json)


@commands.command()
def retire(name: Name, as_json: AsJson = False) -> None:
    """Forget the value from before the last rotation."""
    from rowcall.cli.on_secrets import retire_one

    retire_one(name, as_json=as_json)


@commands.command()
def grant(
    name: Name,
    client: Annotated[list[str], typer.Option("--client", help="Who may use it; repeatable, and '*' for everybody.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it from them instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let clients name it in their http tasks."""
    from rowcall.cli.on_secrets import grant_one

    grant_one(name, client, revoke=revoke, as_json=as_json)


@commands.command("list")
def list_(as_json: AsJson = False) -> None:
    """List secrets by name; never their values."""
    from rowcall.cli.on_secrets import list_them

    list_them(as_json=as_json)


@commands.command()
def remove(name: Name, as_json: AsJson = False) -> None:
    """Forget a secret. What needs it fails from now on."""
    from rowcall.cli.on_secrets import remove_one

    remove_one(name, as_json=as_json)
