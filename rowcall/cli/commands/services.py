"""Commands that run schedules: serve, worker and api stay until a signal; tick looks once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rowcall.cli.options import Apps, AsJson

if TYPE_CHECKING:
    from rowcall.app import App
    from rowcall.settings import Settings

Host = Annotated[str | None, typer.Option(help="The address to listen on; ROWCALL_HOST where left out.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one; ROWCALL_PORT where left out.")]


def serve(
    app: Apps = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Bring a small app, and schedules for it if there are none.")
    ] = False,
    host: Host = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Run everything in one process: API, worker, and a PostgreSQL of its own unless DATABASE_URL names one.

    Runs appear on standard output as they end. The first Ctrl-C or SIGTERM lets what runs finish, the second ends it.
    """
    from rowcall.cli.access import Schema

    _stay(app, host, port, demo=demo, api=True, worker=True, run_lines=True, as_json=as_json, schema=Schema.BUILD)


def worker(
    app: Apps = None,
    probe_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Answer /livez, /readyz and /metrics there; ROWCALL_PROBE_PORT where left out."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a worker: one of any number of replicas that look for due schedules and run them.

    It runs the tasks of the apps it is given, and the built-in task type http. --json writes events to standard output.
    """
    wanted = {"api": False, "worker": True, "run_lines": as_json, "as_json": as_json}
    _stay(app, None, None, probe_port=probe_port, **wanted)


def api(host: Host = None, port: Port = None) -> None:
    """Run the REST API alone."""
    _stay(None, host, port, api=True, worker=False)


def tick(app: Apps = None, as_json: AsJson = False) -> None:
    """Look once: run what is due, wait for it, record what can't run, and exit. For cron jobs and for tests."""
    from rowcall.cli.running import run_service

    settings, apps = _ready(app)
    if not settings.scheduler_enabled:
        _switched_off(alone=True)
    run_service(_tick(settings, apps, as_json=as_json))


def _stay(
    app: list[str] | None,
    host: str | None,
    port: int | None,
    *,
    probe_port: int | None = None,
    demo: bool = False,
    **wanted: Any,
) -> None:
    from rowcall.cli.running import run_service
    from rowcall.cli.serving import Wanted
    from rowcall.cli.serving import serve as serve_all

    settings, apps = _ready([*(app or ()), *(["rowcall.demo:app"] if demo else [])])
    settings = replace(settings, host=host or settings.host, port=settings.port if port is None else port)
    settings = replace(settings, probe_port=settings.probe_port if probe_port is None else probe_port)
    if not settings.scheduler_enabled:
        wanted["worker"] = _switched_off(alone=not wanted["api"])
    raise typer.Exit(run_service(serve_all(settings, apps, Wanted(demo=demo, **wanted))))


def _switched_off(*, alone: bool) -> bool:
    """Whether there is a worker although schedules are switched off: never. Raises InvalidInput for one alone."""
    from rowcall.cli.output import say
    from rowcall.domain.errors import InvalidInput

    told = "ROWCALL_SCHEDULER_ENABLED"
    if alone:
        raise InvalidInput.of(told, "is off, so a worker would run nothing; unset it")
    say(f"{told} is off: schedules can be looked at, and none runs.")
    return False


def _ready(references: list[str] | None) -> tuple[Settings, Sequence[App]]:
    """The settings, and the apps; from here on everything is logged."""
    from rowcall.app import load_app
    from rowcall.log import configure
    from rowcall.settings import Settings

    settings = Settings.from_environment()
    configure(settings.log_level, settings.log_format)
    return settings, [load_app(reference) for reference in dict.fromkeys(references or ())]


async def _tick(settings: Settings, apps: Sequence[App], *, as_json: bool) -> None:
    from rowcall.cli.access import a_database
    from rowcall.cli.output import print_json, say
    from rowcall.worker import look_once

    async with a_database(settings, purpose="tick", size=settings.database_pool_size) as place:
        report = await look_once(place.database, settings, apps)
    if as_json:
        print_json({"claimed": report.claimed, "recorded": report.recorded})
    else:
        say(f"{report.claimed} executions run, {report.recorded} occurrences recorded as not run.")
