"""A primary and its standby, from the programs of the embedded PostgreSQL: real processes, each with its own port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from rowcall.embedded.account import Account, serving_account
from rowcall.embedded.binaries import Binaries, find_binaries, reachable_by
from rowcall.embedded.spawn import spawn
from rowcall.embedded.tools import run_tool
from tests.folders import short_lived_folder

ROLE, UNASKED, DATABASE, STANDBY = "rowcall", "a-password-that-nobody-asks-for", "postgres", "standby"
PATIENCE_SECONDS = 60.0
SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "max_connections": "60"}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@dataclass(eq=False, slots=True)
class Server:
    """One server: started, killed, started again."""

    data: Path
    account: Account
    binaries: Binaries
    settings: Mapping[str, str] = field(default_factory=lambda: SETTINGS)
    port: int = field(default_factory=_free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return f"postgresql://{ROLE}:{UNASKED}@127.0.0.1:{self.port}/{DATABASE}?sslmode=disable"

    async def make(self) -> None:
        """Its data, with what every server begins with."""
        initdb = [self.binaries.tool("initdb"), f"--pgdata={self.data}", f"--username={ROLE}", "--auth=trust"]
        await run_tool([*initdb, "--no-sync", "--encoding=UTF8", "--locale=C"], self.account)

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [self.binaries.tool("postgres"), f"-D{self.data}", f"--port={self.port}"]
        command += [f"--{name}={value}" for name, value in self.settings.items()]
        self._process, _ = spawn(command, self.account, self.data.with_suffix(".log"), None)
        await self.says("SELECT true")

    async def says(self, question: str) -> None:
        """Wait until it answers yes."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                if await self.asked(question):
                    return
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"{question}\n{self.data.with_suffix('.log').read_text()}")
            await asyncio.sleep(0.05)

    async def asked(self, question: str) -> object:
        """One value."""
        connection = await asyncpg.connect(self.dsn, timeout=5)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    async def told(self, *commands: str) -> None:
        connection = await asyncpg.connect(self.dsn, timeout=5)
        try:
            for command in commands:
                await connection.execute(command)
        finally:
            await connection.close()

    def kill(self) -> None:
        """SIGKILL to the postmaster and all it has started, as when the machine is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """An orderly end, at once."""
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        backends = _children(self._process.pid) if number is signal.SIGKILL else []
        for pid in (self._process.pid, *backends):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        self._process.wait(PATIENCE_SECONDS)


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary and its standby, and the URL that names both."""

    primary: Server
    standby: Server

    @property
    def dsn(self) -> str:
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://{ROLE}@{hosts}/{DATABASE}?sslmode=disable"


@asynccontextmanager
async def a_pair(*, synchronous: bool) -> AsyncIterator[Pair]:
    """A primary with a standby that follows it; where it is synchronous, no COMMIT is answered before it has it too."""
    account = serving_account(None)
    binaries = reachable_by(account, find_binaries())
    with short_lived_folder() as folder:
        shutil.chown(folder, account.uid, account.gid)
        pair = Pair(*(Server(folder / name, account, binaries) for name in ("primary", STANDBY)))
        try:
            await _build(pair)
            if synchronous:
                await pair.primary.told(f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")
                await pair.primary.told("SELECT pg_reload_conf()")
                await pair.primary.says("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
            yield pair
        finally:
            for server in (pair.standby, pair.primary):
                server.kill()


async def _build(pair: Pair) -> None:
    primary, standby = pair.primary, pair.standby
    await primary.make()
    await primary.start()
    place = f"host=127.0.0.1 port={primary.port} user={ROLE} application_name={STANDBY}"
    copy = [standby.binaries.tool("pg_basebackup"), f"--pgdata={standby.data}", f"--dbname={place}", "--no-sync"]
    await run_tool([*copy, "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"], standby.account)
    await standby.start()
    await primary.says(f"SELECT count(*) = 1 FROM pg_stat_replication WHERE application_name = '{STANDBY}'")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
