"""Running PostgreSQL's own programs: initdb and psql."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence

from .account import Account
from .errors import ToolFailed

_SPACE_GONE = "No space left on device"


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without what would steer PostgreSQL's programs (PGHOST, PGDATA, …), speaking plain English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", **(more or {})}


async def run_tool(
    command: Sequence[str], account: Account | None = None, more: Mapping[str, str] | None = None
) -> str:
    """Run a program as `account` (or as oneself) and return what it printed. Raises ToolFailed with its last words."""
    identity = account.identity if account is not None else {}
    ended = await asyncio.to_thread(
        lambda: subprocess.run(  # noqa: S603 - the wheel's own programs
            command, **identity, env=clean_environment(more), cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, start_new_session=True,
        )
    )  # fmt: skip
    if ended.returncode != 0:
        raise ToolFailed(told(command[0].rsplit("/", 1)[-1], ended.stderr or ended.stdout))
    return ended.stdout


def told(program: str, words: str) -> str:
    """What a program's last words mean, in one or two sentences."""
    last = " ".join(words.split())[-600:]
    if _SPACE_GONE in words:
        return f"The disk of the embedded PostgreSQL is full: make room, and it goes on by itself. ({program}: {last})"
    return f"{program} of the embedded PostgreSQL failed: {last or 'it said nothing'}."
