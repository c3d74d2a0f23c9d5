"""``rowcall import crontab``: a crontab as a file of schedules, and a report of what is otherwise, or not there."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rowcall.cli.exits import ExitCode
from rowcall.cli.output import clean, print_json, print_text, say
from rowcall.domain.crontab import Crontab, Job, read_crontab
from rowcall.domain.errors import InvalidInput
from rowcall.domain.zones import zone, zone_names

from .applying import Application, apply_texts
from .crontab_commands import keep_usable, write_commands
from .texts import Text, read_texts
from .writing import yaml_of

LONGEST_DESCRIPTION = 500
DEFAULTS = {"max_retries": 0, "timeout_seconds": 86400}
"""cron tries nothing again, and ends nothing."""

OTHERWISE = (
    "a run that would start while the last one is still at work is skipped, and says so; overlap_policy changes that",
    "what was missed while nothing ran is made up for within 15 minutes; grace_period_seconds changes that",
)
LOCALTIME, TIMEZONE = Path("/etc/localtime"), Path("/etc/timezone")


@dataclass(frozen=True, slots=True)
class Import:
    """How a crontab is to be taken over. `commands` is the file to write the named commands for shell into."""

    source: str = "crontab"
    timezone: str | None = None
    with_users: bool = False
    task_type: str = "shell"
    commands: str | None = None
    strict: bool = False
    as_json: bool = False


async def import_crontab(place: str | None, wanted: Import, application: Application | None) -> ExitCode:
    """Write a file of schedules, or apply it. With `strict` FAULT says that a line could not be taken over."""
    text = Text("crontab -l", _listed()) if place is None else read_texts([place])[0]
    timezone = wanted.timezone or host_zone()
    zone(timezone)
    crontab = read_crontab(text.text, with_users=wanted.with_users)
    if wanted.task_type == "shell":
        keep_usable(crontab)
    _report(text.name, crontab, wanted)
    document = _document(crontab, wanted, timezone)
    if wanted.commands is not None:
        write_commands(wanted.commands, crontab.jobs)
    if application is not None:
        code = await apply_texts([Text("the crontab.json", json.dumps(document))], application)
    else:
        code = ExitCode.OK
        _write(document, text.name, as_json=wanted.as_json)
    return ExitCode.FAULT if wanted.strict and crontab.lost else code


def host_zone() -> str:
    """The zone in which this host's cron reads its crontabs. Raises InvalidInput where that can't be told."""
    linked = str(LOCALTIME.readlink()).partition("zoneinfo/")[2] if LOCALTIME.is_symlink() else ""
    written = TIMEZONE.read_text("utf-8").strip() if TIMEZONE.is_file() else ""
    for name in (linked, written):
        name = {"Etc/UTC": "UTC"}.get(name, name)  # noqa: PLW2901 - the same zone
        if name in zone_names():
            return name
    raise InvalidInput.of("--timezone", "is needed: this host does not tell in which zone its cron works")


def _document(crontab: Crontab, wanted: Import, timezone: str) -> dict[str, Any]:
    defaults = {"task_type": wanted.task_type, "timezone": timezone, **DEFAULTS}
    return {"source": wanted.source, "defaults": defaults, "schedules": [_entry(job, wanted) for job in crontab.jobs]}


def _entry(job: Job, wanted: Import) -> dict[str, Any]:
    asked = {"name": job.name} if wanted.task_type == "shell" else {"command": job.command}
    entry = {
        "name": job.name,
        "description": job.remark and job.remark[:LONGEST_DESCRIPTION],
        "cron_expression": job.expression,
        "timezone": job.timezone,
        "input_data": asked,
    }
    return {name: value for name, value in entry.items() if value is not None}


def _write(document: dict[str, Any], name: str, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        print_text(yaml_of(document, [f"Written by rowcall import crontab, from {clean(name)}"]))


def _report(name: str, crontab: Crontab, wanted: Import) -> None:
    for line, reason in crontab.lost:
        say(f"{name}:{line}: not taken over: {clean(reason)}")
    for line, note in crontab.notes:
        say(f"{name}:{line}: {clean(note)}")
    for note in _otherwise(crontab, wanted) if crontab.jobs else ():
        say(f"Otherwise than in cron: {note}.")
    say(f"{len(crontab.jobs)} taken over, {len(crontab.lost)} not.")


def _otherwise(crontab: Crontab, wanted: Import) -> Iterable[str]:
    yield from OTHERWISE
    users = sorted({job.user for job in crontab.jobs if job.user is not None})
    if users:
        yield f"commands run as the account of the worker, not as {', '.join(map(clean, users))}"
    if wanted.task_type == "shell" and wanted.commands is None:
        yield "the commands have to be written down for the task type shell; --commands FILE does that"
    elif any(job.environment for job in crontab.jobs) and wanted.task_type != "shell":
        yield "the variables that the crontab sets are not handed to the task"


def _listed() -> str:
    """This account's own crontab. Raises InvalidInput where there is none."""
    try:
        done = subprocess.run(  # noqa: S603 - found where the caller's own shell finds it
            [shutil.which("crontab") or "crontab", "-l"], capture_output=True, check=False, timeout=30
        )
        listed = done.stdout.decode()  # no other end of a line than cron's becomes one
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as fault:
        raise InvalidInput.of("crontab -l", f"can't be run: {fault}; name a file, or - for standard input") from fault
    if done.returncode:
        raise InvalidInput.of(
            "crontab -l", clean(done.stderr.decode(errors="replace").strip()) or f"ended with {done.returncode}"
        )
    return listed
