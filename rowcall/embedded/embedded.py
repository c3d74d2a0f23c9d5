"""The doors to the embedded server: own it or share it, find it, or throw one away after use."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .account import serving_account
from .binaries import Binaries, find_binaries, reachable_by
from .connection import Connection, answering
from .folders import Folders, folders_of, make_root
from .owner import come_as_guest, take_ownership
from .supervisor import Plan, owned

PAUSE_SECONDS = 0.1
THROWAWAY: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "logging_collector": "off",
    "scram_iterations": "1",
}
"""Settings for data that is thrown away: quick, and lost when the machine stops."""


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running embedded PostgreSQL, as a process sees it."""

    dsn: str = field(repr=False)
    """A URL that libpq and asyncpg take, with the password in it. Not for logs."""
    data_dir: Path
    owner: bool
    """Whether this process owns the server; False if it uses another's."""
    version: str
    """The server's version, ``18.4`` for instance."""


@contextlib.asynccontextmanager
async def embedded_postgres(
    data_dir: Path | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    run_as: str | None = None,
    on_progress: Callable[[str], None] | None = None,
    brief: bool = False,
) -> AsyncIterator[EmbeddedServer]:
    """The embedded server of `data_dir`: owned by this process, or used as another process's guest.

    The first process to come owns it: starts it, starts it again when it dies, and stops it at the end of the context.
    All others wait until it is ready, and neither start nor stop it; when the owner goes, their connections end. For
    those that are `brief` it waits some seconds.
    Enter it from the main thread, so that the server is sure to end with this process.

    `settings` are for postgresql.conf and count for the owner only. `run_as` names the account that root runs the
    server as. `on_progress` is told in a sentence what is being waited for. Raises EmbeddedError, see there.
    """
    say = on_progress or _silence
    folders, binaries = folders_of(data_dir), find_binaries()
    make_root(folders)
    announced = False
    while True:
        if lock := take_ownership(folders):
            try:
                account = serving_account(run_as, folders.cluster)
                plan = Plan(folders, account, reachable_by(account, binaries), settings or {}, say)
                async with owned(plan) as (connection, version):
                    yield _seen(folders, connection, version, owner=True)
            finally:
                lock.release()
            return
        async with _guest(folders, binaries, brief=brief) as guest:
            if guest is not None:
                yield guest
                return
        if not announced:
            say(f"another process owns the database in {folders.root}: waiting until it is ready")
            announced = True
        await asyncio.sleep(PAUSE_SECONDS)


async def running_server(data_dir: Path | None = None) -> EmbeddedServer | None:
    """The server of `data_dir` if another process runs it and it answers now, else None. Nothing is made or started."""
    folders = folders_of(data_dir)
    return await _answering(folders, find_binaries())


@contextlib.contextmanager
def start_throwaway(data_dir: Path, settings: Mapping[str, str] | None = None) -> Iterator[EmbeddedServer]:
    """A server in a fresh `data_dir`, for tests and benchmarks: quick rather than durable, and without a keeper.

    `settings` go on top of the quick ones. The folder is left for the caller to remove. Not to be used inside a running
    event loop.
    """
    folders, binaries = folders_of(data_dir), find_binaries()
    make_root(folders)
    account = serving_account(None)
    plan = Plan(
        folders, account, reachable_by(account, binaries), {**THROWAWAY, **(settings or {})}, _silence, durable=False
    )
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        context = owned(plan)
        connection, version = runner.run(_enter(context))
        try:
            yield _seen(folders, connection, version, owner=True)
        finally:
            runner.run(_leave(context))


@contextlib.asynccontextmanager
async def _guest(folders: Folders, binaries: Binaries, *, brief: bool) -> AsyncIterator[EmbeddedServer | None]:
    """Another's server, if it answers now, and stays until the end of the context where that is `brief`."""
    place = come_as_guest(folders) if brief else None
    try:
        yield None if brief and place is None else await _answering(folders, binaries)
    finally:
        if place is not None:
            place.release()


async def _enter(context: contextlib.AbstractAsyncContextManager[tuple[Connection, str]]) -> tuple[Connection, str]:
    return await context.__aenter__()


async def _leave(context: contextlib.AbstractAsyncContextManager[tuple[Connection, str]]) -> None:
    await context.__aexit__(None, None, None)


async def _answering(folders: Folders, binaries: Binaries) -> EmbeddedServer | None:
    found = await answering(folders, binaries)
    return None if found is None else _seen(folders, *found, owner=False)


def _seen(folders: Folders, connection: Connection, version: str, *, owner: bool) -> EmbeddedServer:
    return EmbeddedServer(connection.dsn, folders.root, owner, version)


def _silence(_: str) -> None:
    """Nobody asked to be told."""
