"""Running PostgreSQL's own programs: initdb and psql."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from .account import Account
from .errors import EmbeddedError, ToolFailed

_SPACE_GONE = "No space left on device"


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without what would steer PostgreSQL's programs (PGHOST, PGDATA, …), speaking plain English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", **(more or {})}


async def run_tool(
    command: Sequence[str], account: Account | None = None, more: Mapping[str, str] | None = None
) -> str:
    """Run a program, as `account` if it is given, and return what it printed. Raises ToolFailed with its last words."""
    program = PurePath(command[0]).name
    try:
        ended = await asyncio.to_thread(_run, command, account, clean_environment(more))
    except OSError as fault:
        as_whom = f" as {account.name}" if account is not None and not account.is_me else ""
        raise EmbeddedError(f"{program} of the embedded PostgreSQL can't be run{as_whom}: {fault}.") from fault
    if ended.returncode != 0:
        raise ToolFailed(told(program, ended.stderr or ended.stdout))
    return ended.stdout


def told(program: str, words: str) -> str:
    """What a program's last words mean, in one or two sentences."""
    last = " ".join(words.split())[-600:]
    if _SPACE_GONE in words:
        return f"The disk of the embedded PostgreSQL is full: make room. ({program}: {last})"
    return f"{program} of the embedded PostgreSQL failed: {last or 'it said nothing'}."


def _run(
    command: Sequence[str], account: Account | None, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    identity = account.identity if account is not None else {}
    return subprocess.run(  # noqa: S603 - the wheel's own programs
        command, **identity, env=environment, cwd="/", stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, start_new_session=True,
    )  # fmt: skip
