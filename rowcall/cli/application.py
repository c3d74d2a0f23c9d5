"""All commands by name, and what happens around each: its errors become words on standard error and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rowcall.domain.errors import RowcallError

from .commands import backfill, declaring, executions, inspection, keys, schedules, secrets, services, webhooks
from .exits import MEANINGS, exit_code_of

EXIT_CODES = "Exit codes: " + " · ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items())

app = typer.Typer(
    name="rowcall",
    help="Recurring work as rows in PostgreSQL, every occurrence answered for exactly once.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(services.serve)
app.command()(services.worker)
app.command()(services.api)
app.command()(services.tick)
app.command()(declaring.apply)
app.command()(declaring.diff)
app.command()(declaring.export)
app.add_typer(declaring.imports, name="import")
app.command()(inspection.migrate)
app.command()(inspection.preview)
app.command()(inspection.audit)
app.command()(inspection.retention)
app.command("audit-log")(inspection.audit_log)
app.command()(inspection.doctor)
app.command()(inspection.psql)
app.add_typer(schedules.commands, name="schedules")
app.add_typer(executions.commands, name="executions")
app.add_typer(backfill.commands, name="backfill")
app.add_typer(webhooks.commands, name="webhooks")
app.add_typer(secrets.commands, name="secrets")
app.add_typer(keys.commands, name="keys")


def run_command_line() -> None:
    """Run what the command line says, and exit. An error of Rowcall never shows a traceback; a bug of Rowcall does."""
    try:
        app()
    except RowcallError as fault:
        from .output import say_fault

        say_fault(fault)
        sys.exit(exit_code_of(fault))


def _tell_version(wanted: bool | None) -> None:  # noqa: FBT001 - called so by typer
    if wanted:
        from rowcall import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # acts by its callback
        bool | None, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version and exit.")
    ] = None,
) -> None:
    pass
