"""Asking a server, and waiting for a condition."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

DEADLINE_SECONDS = 60.0


async def ask(dsn: str, sql: str) -> Any:
    """The first value that a statement returns, on a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def answers(dsn: str, sql: str) -> Any:
    """The first value that a statement returns, once the server is there again."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            try:
                return await ask(dsn, sql)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.05)


def copy_cluster(source: Path, target: Path) -> Path:
    """Copy a data folder with its owners and modes."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return target


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, at most until the deadline."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - conditions are of other processes
            await asyncio.sleep(0.02)
