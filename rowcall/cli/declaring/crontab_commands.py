"""The commands of a crontab, as the operator writes them down for the task type shell: TOML.

Each has the folder in which cron starts it. What a worker would refuse is found here: it would refuse the whole file.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rowcall.domain.crontab import Crontab, Job
from rowcall.domain.errors import InvalidInput
from rowcall.worker.builtin.named_command import NamedCommand


def keep_usable(crontab: Crontab) -> None:
    """Take the jobs that no worker would take from `jobs` to `lost`, and note what will run in another folder."""
    usable = []
    for job in crontab.jobs:
        reason = _why_not(job)
        if reason is not None:
            crontab.lost.append((job.line, reason))
            continue
        usable.append(job)
        home = _home(job)
        if not _is_folder(home):
            crontab.notes.append((job.line, f"cron runs it in {home!r}, which is no folder here; it will run in /"))
    crontab.jobs = usable
    crontab.lost.sort()


def write_commands(place: str, jobs: Sequence[Job]) -> None:
    """Write them into a file that is not there yet, for this account alone: a crontab may set passwords."""
    try:
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write("\n".join(map(_as_toml, jobs)))
    except OSError as fault:
        raise InvalidInput.of("--commands", f"{place!r} can't be written: {fault.strerror}") from fault


def _why_not(job: Job) -> str | None:
    """Why a worker would refuse the command; None where it would not."""
    try:
        NamedCommand.model_validate(_command(job))
    except ValidationError as invalid:
        errors = invalid.errors(include_input=False, include_context=False, include_url=False)
        return "; ".join(error["msg"].removeprefix("Value error, ") for error in errors)
    return None


def _command(job: Job) -> dict[str, Any]:
    """The table [shell.NAME]."""
    environment = {name: value for name, value in job.environment.items() if name != "SHELL"}
    line, home = job.command, _home(job)
    if "{" in line:  # braces name parameters here
        environment["CRONTAB_LINE"], line = line, 'eval "$CRONTAB_LINE"'
    command: dict[str, Any] = {"command": [job.environment.get("SHELL", "/bin/sh"), "-c", line]}
    if environment:
        command["environment"] = environment
    if _is_folder(home):
        command["cwd"] = home
    return command


def _home(job: Job) -> str:
    """Where cron runs the job: the HOME that the crontab sets, else the home of the line's user, or of this account."""
    if "HOME" in job.environment:
        return job.environment["HOME"]
    try:
        return (pwd.getpwuid(os.getuid()) if job.user is None else pwd.getpwnam(job.user)).pw_dir
    except KeyError:
        return f"~{job.user or os.getuid()}"


def _is_folder(path: str) -> bool:
    return Path(path).is_absolute() and Path(path).is_dir()


def _as_toml(job: Job) -> str:
    rows = [f"{name} = {_value(value)}" for name, value in _command(job).items()]
    return "\n".join([f"[shell.{_value(job.name)}]", *rows, ""])


def _value(value: str | Sequence[str] | dict[str, str]) -> str:
    """Text, a list or a table. JSON's texts are TOML's, but for one control character."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case dict():
            return f"{{{', '.join(f'{name} = {_value(inner)}' for name, inner in value.items())}}}"
    return f"[{', '.join(map(_value, value))}]"
