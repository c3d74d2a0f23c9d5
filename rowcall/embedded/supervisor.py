"""The owner's work: make the cluster if need be, keep the server running, and take it down at the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .account import Account
from .address import socket_folder
from .binaries import Binaries
from .cluster import make_cluster, read_password
from .connection import Connection, make_database, prove
from .errors import EmbeddedError
from .folders import Folders, prepare
from .owner import guests_gone
from .server import Server, start_server

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0
LASTING_SECONDS = 5.0
"""A server that lived this long was well, and its end is not one more in a row of failures. A minute was too long: a
server that is killed every few seconds was down for half a minute each time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and how."""

    folders: Folders
    account: Account
    binaries: Binaries
    settings: Mapping[str, str]
    say: Callable[[str], None]
    durable: bool = True
    """Whether it must survive a crash of the machine; False only for data that is thrown away."""


@contextlib.asynccontextmanager
async def owned(plan: Plan) -> AsyncIterator[tuple[Connection, str]]:
    """The server's connection and version, while this process owns it. Only for the holder of the lock.

    A server that dies is started again, for as long as the context lasts.
    """
    sockets = await _prepared(plan)
    connection = Connection(str(sockets), read_password(plan.folders))
    keeper = Keeper(plan, sockets, await _start(plan, sockets))
    try:
        version = await prove(connection, plan.folders, plan.binaries)
        await make_database(connection, plan.binaries)
        connection.tell(plan.folders)
        async with keeper.keeping():
            yield connection, version
    finally:
        plan.folders.connection.unlink(missing_ok=True)
        try:
            with contextlib.suppress(EmbeddedError):  # the folder is gone, and whoever used what was in it
                await guests_gone(plan.folders, plan.say)
        finally:
            await keeper.server.stop()
        _remove_if_elsewhere(plan.folders, sockets)


class Keeper:
    """Starts the server again when it dies unbidden."""

    def __init__(self, plan: Plan, sockets: Path, server: Server) -> None:
        self._plan = plan
        self._sockets = sockets
        self.server = server

    @contextlib.asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """Watch the server meanwhile."""
        task = asyncio.create_task(self._keep(), name="keeper of the embedded PostgreSQL")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep(self) -> None:
        """Wait longer after each failure in a row, and never give up: a full disk is one day not full."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            code = await self.server.gone()
            if time.monotonic() - began > LASTING_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._plan.say(f"the database server has ended (exit code {code}): starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            await self._start_again()

    async def _start_again(self) -> None:
        try:
            self.server = await _start(self._plan, self._sockets)
            self._plan.say("the database server is ready again")
        except (EmbeddedError, OSError) as fault:
            self._plan.say(f"the database server could not be started: {fault}")


async def _prepared(plan: Plan) -> Path:
    """Folders, cluster, and the folder of the socket, which is returned."""
    prepare(plan.folders, plan.account)
    if not plan.folders.cluster.exists():
        plan.say("making a new database")
    lasting = {} if plan.durable else plan.settings
    await make_cluster(plan.folders, plan.account, plan.binaries, lasting, durable=plan.durable)
    return socket_folder(plan.folders, plan.account)


async def _start(plan: Plan, sockets: Path) -> Server:
    return await start_server(plan.folders, plan.account, plan.binaries, sockets, plan.settings, plan.say)


def _remove_if_elsewhere(folders: Folders, sockets: Path) -> None:
    """Take away a socket folder made outside the data folder; if something else lies in it, it is left."""
    if sockets != folders.run:
        with contextlib.suppress(OSError):
            sockets.rmdir()
