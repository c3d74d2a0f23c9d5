"""``rowcall schedules …``: list, show, create, pause, resume, delete, execute, explain."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rowcall.cli.options import AsJson, Client, DryRun, Labels, Limit, Meant, Reference, Statuses, Timezone

commands = typer.Typer(help="Look at schedules, and change them.", no_args_is_help=True)


@commands.command("list")
def list_(
    status: Statuses = None,
    task_type: Annotated[str | None, typer.Option("--task", help="Only those that run this.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only with this label; repeatable.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Only with this in name or description.")] = None,
    client: Annotated[str | None, typer.Option(help="Only what this client sees.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Deleted ones too.")] = False,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List schedules."""
    from rowcall.cli.on_schedules import list_them
    from rowcall.cli.running import run

    run(list_them(status, task_type, label, text, client, every=every, limit=limit, as_json=as_json))


@commands.command()
def show(schedule: Reference, client: Client = "default", as_json: AsJson = False) -> None:
    """Show one schedule whole."""
    from rowcall.cli.on_schedules import show_one
    from rowcall.cli.running import run

    run(show_one(schedule, client, as_json=as_json))


@commands.command()
def create(
    name: Annotated[str | None, typer.Argument(help="Made up from the task type where left out.")] = None,
    task_type: Annotated[str | None, typer.Option("--task", help="What to run.")] = None,
    cron: Annotated[str | None, typer.Option(help="Five fields or an alias: '0 9 * * MON-FRI'.")] = None,
    cron_fields: Annotated[str | None, typer.Option(metavar="JSON", help="Fields instead: '{\"hour\": 9}'.")] = None,
    interval: Annotated[str | None, typer.Option(help="90, 90s, 5m, 1h30m, 2d.")] = None,
    at: Annotated[str | None, typer.Option(help="Once, then: 2030-01-31T09:00, read in the zone.")] = None,
    timezone: Timezone = None,
    input_data: Annotated[str | None, typer.Option("--input", metavar="JSON", help="Handed to the task.")] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Repeatable.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any other field, JSON or text; repeatable."),
    ] = None,
    file: Annotated[
        str | None, typer.Option(metavar="FILE", help="A JSON object of fields, - for standard input.")
    ] = None,
    client: Annotated[str | None, typer.Option(help="Whose it is.")] = None,
    allow_unknown_task: Annotated[
        bool, typer.Option("--allow-unknown-task", help="No worker need have offered it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create a schedule. Exactly one of --cron, --cron-fields, --interval and --at says when."""
    from rowcall.cli.fields import gathered
    from rowcall.cli.on_schedules import create_one
    from rowcall.cli.running import run

    given: dict[str, Any] = {
        "name": name,
        "task_type": task_type,
        "client_id": client,
        "timezone": timezone,
        "cron_expression": cron,
        "scheduled_time": at,
        "allow_unknown_task": allow_unknown_task or None,
    }
    fields = gathered(given, cron_fields, interval, input_data, label, settings, file)
    run(create_one(fields, as_json=as_json))


@commands.command()
def pause(
    schedule: Meant = None,
    reason: Annotated[str | None, typer.Option(help="Kept with the schedule, and told in its history.")] = None,
    client: Client = "default",
    label: Labels = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Stop new occurrences; what is open goes on."""
    from rowcall.cli.on_schedules import pause_one
    from rowcall.cli.running import run

    if schedule is None or label or dry_run:
        _do_to_many("pause", schedule, client, label, reason, dry_run=dry_run, as_json=as_json)
    else:
        run(pause_one(schedule, client, reason, as_json=as_json))


@commands.command()
def resume(
    schedule: Meant = None,
    client: Client = "default",
    label: Labels = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Go on with the next occurrence after now."""
    from rowcall.cli.on_schedules import resume_one
    from rowcall.cli.running import run

    if schedule is None or label or dry_run:
        _do_to_many("resume", schedule, client, label, dry_run=dry_run, as_json=as_json)
    else:
        run(resume_one(schedule, client, as_json=as_json))


@commands.command()
def delete(
    schedule: Meant = None,
    client: Client = "default",
    label: Labels = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Delete a schedule: what is queued of it is cancelled, its history stays."""
    from rowcall.cli.on_schedules import delete_one
    from rowcall.cli.running import run

    if schedule is None or label or dry_run:
        _do_to_many("delete", schedule, client, label, dry_run=dry_run, as_json=as_json)
    else:
        run(delete_one(schedule, client, as_json=as_json))


@commands.command()
def execute(
    schedule: Meant = None,
    input_data: Annotated[
        str | None, typer.Option("--input", metavar="JSON", help="Laid over the schedule's own, field by field.")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Don't line up behind what is open.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended; exit code 1 unless it succeeded.")] = False,
    client: Client = "default",
    label: Labels = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Ask for a run now. Its occurrences stay as they are."""
    from rowcall.cli.on_schedules import execute_one
    from rowcall.cli.options import an_object
    from rowcall.cli.running import run

    if schedule is None or label or dry_run:
        single = [name for name, given in (("--input", input_data), ("--now", now), ("--wait", wait)) if given]
        _do_to_many("execute", schedule, client, label, dry_run=dry_run, as_json=as_json, single=single)
        return
    raise typer.Exit(
        run(execute_one(schedule, client, an_object(input_data, "--input"), now=now, wait=wait, as_json=as_json))
    )


def _do_to_many(
    action: str,
    schedule: str | None,
    client: str,
    labels: list[str] | None,
    reason: str | None = None,
    *,
    dry_run: bool,
    as_json: bool,
    single: list[str] | None = None,
) -> None:
    from rowcall.cli.in_bulk import check_meant, do_to_many
    from rowcall.cli.running import run
    from rowcall.store.bulk import BulkAction

    async def checked() -> None:
        check_meant(schedule, labels, single or [], dry_run=dry_run)
        await do_to_many(BulkAction(action), client, labels or [], reason, dry_run=dry_run, as_json=as_json)

    run(checked())


@commands.command()
def explain(
    schedule: Reference,
    at: Annotated[str | None, typer.Option(help="Then: 2030-01-31T09:00, in its zone; now where left out.")] = None,
    client: Client = "default",
    as_json: AsJson = False,
) -> None:
    """Tell why it did not run then, or what it waits for now."""
    from rowcall.cli.explaining import explain_one
    from rowcall.cli.running import run

    run(explain_one(schedule, client, at, as_json=as_json))
