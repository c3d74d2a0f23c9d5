"""Pools of connections: to PostgreSQL itself, or to a pooler, which is found out by what it does not keep."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

import asyncpg

from .connecting import CONNECT_TIMEOUT_SECONDS, connect, is_direct, refuses_settings
from .driver_errors import UNAVAILABLE
from .keeping import Line

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


async def direct_pool(dsn: str, told: dict[str, str], options: dict[str, Any], *, sure: bool) -> Pool | None:
    """A pool of connections to PostgreSQL itself; None where a pooler answers, if that is not `sure` already."""
    try:
        pool = await make_pool(dsn, told, options)
    except asyncpg.ProtocolViolationError as fault:
        if sure or not refuses_settings(fault):
            raise
        return None
    if sure:
        return pool
    try:
        if await is_direct(pool):
            return pool
    except BaseException:
        pool.terminate()
        raise
    await close_pool(pool)
    return None


async def make_pool(dsn: str, told: dict[str, str], options: dict[str, Any]) -> Pool:
    """A pool whose connections tell the server this when they start."""
    common: dict[str, Any] = {
        "connect": connect,
        "connection_class": Line,
        "timeout": CONNECT_TIMEOUT_SECONDS,
        "max_inactive_connection_lifetime": 300,
        "server_settings": told,
    }
    pool: Pool = await asyncpg.create_pool(dsn, **common, **options)
    return pool


async def leave_as_it_is(_: object) -> None:
    """The store's own statements leave nothing behind in a session; asking for it to be tidied doubled the statements.

    What a pooler lends next is another's anyway. The driver has rolled back what was open.
    """


async def close_pool(pool: Pool) -> None:
    """Close politely; a server that no longer answers is not waited for."""
    try:
        await asyncio.wait_for(pool.close(), timeout=5)
    except (*UNAVAILABLE, asyncpg.InterfaceError):
        pool.terminate()
