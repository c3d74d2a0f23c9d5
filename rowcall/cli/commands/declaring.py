"""Commands that keep schedules in files: apply, diff, export, import."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from rowcall.cli.options import AsJson, Timezone

imports = typer.Typer(help="Take schedules over from elsewhere.", no_args_is_help=True)


@imports.callback()
def _imports() -> None:
    pass


Files: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--file", "-f", metavar="FILE", help="YAML or JSON, a folder of it, or - ; repeatable."),
]
Source: TypeAlias = Annotated[
    str | None, typer.Option("--source", help="Whose schedules these are; goes before what the files say.")
]
Prune: TypeAlias = Annotated[
    bool, typer.Option("--prune", help="Delete what has the files' source and stands in none of them.")
]
MostPruned: TypeAlias = Annotated[
    int | None, typer.Option("--prune-limit", min=0, help="Up to so many of each source; else 20, and half of them.")
]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Prune any number.")]
TakeOver: TypeAlias = Annotated[
    bool, typer.Option("--take-over", help="Change schedules of other sources too: they belong to the files then.")
]
AllowUnknown: TypeAlias = Annotated[
    bool, typer.Option("--allow-unknown-task", help="No worker need have offered the tasks.")
]


def apply(
    file: Files = None,
    source: Source = None,
    prune: Prune = False,
    prune_limit: MostPruned = None,
    force: Force = False,
    take_over: TakeOver = False,
    allow_unknown_task: AllowUnknown = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Write the JSON Schema of such files, and exit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make schedules what files say, in one transaction. The plan is shown first. Pauses are left alone."""
    if schema:
        from rowcall.cli.declaring.showing import print_schema

        print_schema()
        return
    from rowcall.cli.declaring.applying import Application, apply_files, tell_differences
    from rowcall.cli.declaring.planning import PlanOptions
    from rowcall.cli.running import run
    from rowcall.domain.declaring import PruneLimit

    how = Application(
        PlanOptions(prune=prune, take_over=take_over, allow_unknown_tasks=allow_unknown_task),
        PruneLimit(most=prune_limit, force=force),
        source=source,
        sure=yes,
        as_json=as_json,
    )
    if dry_run:
        raise typer.Exit(run(tell_differences(_given(file), how, guarded=True, exit_code=False)))
    raise typer.Exit(run(apply_files(_given(file), how)))


def diff(
    file: Files = None,
    source: Source = None,
    prune: Prune = False,
    take_over: TakeOver = False,
    allow_unknown_task: AllowUnknown = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit code 1 where something would be changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what apply would do with these files. Nothing is changed."""
    from rowcall.cli.declaring.applying import Application, tell_differences
    from rowcall.cli.declaring.planning import PlanOptions
    from rowcall.cli.running import run

    how = Application(
        PlanOptions(prune=prune, take_over=take_over, allow_unknown_tasks=allow_unknown_task),
        source=source,
        as_json=as_json,
    )
    raise typer.Exit(run(tell_differences(_given(file), how, guarded=False, exit_code=exit_code)))


def export(
    source: Annotated[
        str | None, typer.Option("--source", help="Those of this source; needed where there are several.")
    ] = None,
    adopt: Annotated[
        str | None,
        typer.Option("--adopt", metavar="SOURCE", help="Those of no file instead, as a file of this source."),
    ] = None,
    client: Annotated[str | None, typer.Option("--client", help="Only those of this client.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Also what is as it is by default.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of YAML; apply reads both.")] = False,
) -> None:
    """Write schedules as a file for apply. What is not told: pauses, and what stands in code."""
    from rowcall.cli.declaring.exporting import export as write
    from rowcall.cli.running import run

    run(write(source, adopt, client, full=full, as_json=as_json))


@imports.command()
def crontab(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A crontab, - for standard input; crontab -l if left out.")
    ] = None,
    timezone: Timezone = None,
    system: Annotated[
        bool, typer.Option("--system", help="A user stands before each command, as in /etc/crontab.")
    ] = False,
    task_type: Annotated[
        str, typer.Option("--task", help="What runs the commands; other tasks get each as input_data.command.")
    ] = "shell",
    commands: Annotated[
        str | None, typer.Option("--commands", metavar="FILE", help="Write the named commands for shell here: TOML.")
    ] = None,
    source: Annotated[str, typer.Option("--source", help="Whose schedules these will be.")] = "crontab",
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 where a line could not be taken over.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Apply the schedules instead of writing a file.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --apply: don't ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of YAML.")] = False,
) -> None:
    """Write a crontab's jobs as a file of schedules. What can't be taken over is told of, and why."""
    from rowcall.cli.declaring.applying import Application, check_sure
    from rowcall.cli.declaring.crontab import Import, import_crontab
    from rowcall.cli.declaring.planning import PlanOptions
    from rowcall.cli.running import run

    wanted = Import(
        source=source, timezone=timezone, with_users=system, task_type=task_type, commands=commands, strict=strict,
        as_json=as_json,
    )  # fmt: skip
    application = None
    if apply:
        application = Application(PlanOptions(allow_unknown_tasks=True), sure=yes, as_json=as_json)
        check_sure(application, [] if file is None else [file])
    raise typer.Exit(run(import_crontab(file, wanted, application)))


def _given(files: list[str] | None) -> list[str]:
    from rowcall.domain.errors import InvalidInput

    if not files:
        raise InvalidInput.of("-f", "is needed: which files to read; - is standard input")
    return files
