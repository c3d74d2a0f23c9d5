"""All commands by name, and what happens around each: its errors become words on standard error and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rowcall.domain.errors import RowcallError

from .commands import backfill, declaring, executions, inspection, keys, schedules, secrets, services, webhooks
from .exits import MEANINGS, exit_code_of
from .remote import either, every, on_database
from .streams import end_talk

EXIT_CODES = "Exit codes: " + " · ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items())

app = typer.Typer(
    name="rowcall",
    help="Recurring work as rows in PostgreSQL, every occurrence answered for exactly once.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(on_database(services.serve))
app.command()(on_database(services.worker))
app.command()(on_database(services.api))
app.command()(on_database(services.tick))
app.command()(on_database(declaring.apply))
app.command()(on_database(declaring.diff))
app.command()(on_database(declaring.export))
app.add_typer(every(on_database, declaring.imports), name="import")
app.command()(on_database(inspection.migrate))
app.command()(either(inspection.preview))
app.command()(on_database(inspection.audit))
app.command()(on_database(inspection.retention))
app.command("audit-log")(either(inspection.audit_log))
app.command()(on_database(inspection.doctor))
app.command()(on_database(inspection.psql))
app.add_typer(every(either, schedules.commands), name="schedules")
app.add_typer(every(either, executions.commands), name="executions")
app.add_typer(every(either, backfill.commands), name="backfill")
app.add_typer(every(either, webhooks.commands), name="webhooks")
app.add_typer(every(on_database, secrets.commands), name="secrets")
app.add_typer(every(on_database, keys.commands), name="keys")


def run_command_line() -> None:
    """Run what the command line says, and exit. An error of Rowcall never shows a traceback; a bug of Rowcall does."""
    try:
        app()
    except RowcallError as fault:
        from .output import say_fault

        say_fault(fault)
        sys.exit(exit_code_of(fault))
    finally:
        end_talk()


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
