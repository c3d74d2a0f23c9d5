"""`--server` and `--key`: which commands talk to an API elsewhere, and which one was named.

The options are given to commands here, in one place: those that show and change schedules and executions take them;
those that work on a database itself say so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Annotated, Any

import typer

from rowcall.domain.errors import InvalidInput

Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="The API to talk to, instead of a database; also ROWCALL_SERVER."),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key", metavar="KEY", help="The key for it; better in ROWCALL_API_KEY, which no list of processes shows."
    ),
]
NoServer = Annotated[str | None, typer.Option("--server", metavar="URL", hidden=True, help="Not taken.")]

_named: ContextVar[tuple[str | None, str | None]] = ContextVar("named", default=(None, None))


def named() -> tuple[str | None, str | None]:
    """The server and the key that the running command was told; None where it was not."""
    return _named.get()


def either(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the options `--server` and `--key`."""

    @wraps(command)
    def told(*, server: str | None, key: str | None, **options: Any) -> Any:
        before = _named.set((server, key))
        try:
            return command(**options)
        finally:
            _named.reset(before)

    return _taking(told, command, server=Server, key=Key)


def on_database(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the word that it takes no `--server`."""

    @wraps(command)
    def told(*, server: str | None, **options: Any) -> Any:
        if server is not None:
            raise InvalidInput.of("--server", works_on_database("this command"))
        return command(**options)

    return _taking(told, command, server=NoServer)


def every(convert: Callable[[Callable[..., Any]], Callable[..., Any]], group: typer.Typer) -> typer.Typer:
    """The group with each of its commands converted."""
    for found in group.registered_commands:
        assert found.callback is not None
        found.callback = convert(found.callback)
    return group


def works_on_database(what: str) -> str:
    """Why a command takes no server, and what to do."""
    return f"{what} works on the database itself: set DATABASE_URL, or run it where the database is, without a server"


def _taking(told: Callable[..., Any], command: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """The function with the parameters of the command, and these options."""
    signature = inspect.signature(command, eval_str=True)
    own = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in options.items()
    ]
    told.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *own])  # type: ignore[attr-defined]  # read by typer
    return told
