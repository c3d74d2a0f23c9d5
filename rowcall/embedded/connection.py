"""How to connect, told to other processes, and the proof that who answers is the server of this data folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote

from .address import PORT
from .binaries import Binaries
from .cluster import DATABASE, ROLE, system_identifier
from .errors import EmbeddedError
from .folders import Folders
from .tools import run_tool

_WHO = """
    SELECT system_identifier, current_setting('data_directory'), current_setting('server_version')
      FROM pg_control_system()
"""
_KNOWN = f"SELECT count(*) FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608 - a constant
_CREATE = f"CREATE DATABASE {DATABASE}"


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the server listens, and the password it asks for."""

    host: str
    password: str = field(repr=False)

    @property
    def dsn(self) -> str:
        """A URL that libpq and asyncpg take."""
        return f"postgresql://{ROLE}:{self.password}@/{DATABASE}?host={quote(self.host)}&port={PORT}"

    def tell(self, folders: Folders) -> None:
        """Write it for other processes of the same account, whole or not at all."""
        draft = folders.connection.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file)
        draft.rename(folders.connection)

    async def ask(self, binaries: Binaries, sql: str, database: str = DATABASE) -> str:
        """The answer to one statement. Raises ToolFailed where the server can't be reached."""
        address = [f"--host={self.host}", f"--port={PORT}", f"--username={ROLE}", f"--dbname={database}"]
        quiet = ["--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet"]
        command = [binaries.tool("psql"), *quiet, *address, "--set=ON_ERROR_STOP=1", f"--command={sql}"]
        return (await run_tool(command, more={"PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "10"})).strip()


def told(folders: Folders) -> Connection | None:
    """The connection that an owner has written, or None. It may be of an owner that was killed: see `prove`.

    What is no connection is the rest of one, from when the machine lost its power: the next owner writes its own.
    """
    try:
        return Connection(**json.loads(folders.connection.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    except PermissionError as fault:
        raise EmbeddedError(
            f"{folders.connection} is closed to this account: run as the one that owns {folders.root}."
        ) from fault


async def prove(connection: Connection, folders: Folders, binaries: Binaries) -> str:
    """The server's version, once it has proven to be the server of this folder. Raises EmbeddedError if it is another.

    A socket in the right place proves nothing: the folder may have been copied or moved, and an old server may still
    listen. The number given by initdb and the folder the server works on do.
    """
    identifier, data_directory, version = (await connection.ask(binaries, _WHO, "postgres")).split("|")
    if int(identifier) != system_identifier(folders) or not _same(data_directory, folders):
        raise EmbeddedError(
            f"The server at {connection.host} was to be that of {folders.cluster}, and serves {data_directory}: "
            "stop it."
        )
    return version


async def make_database(connection: Connection, binaries: Binaries) -> None:
    """Make the database if it is missing."""
    if await connection.ask(binaries, _KNOWN, "postgres") == "0":
        await connection.ask(binaries, _CREATE, "postgres")


async def answering(folders: Folders, binaries: Binaries) -> tuple[Connection, str] | None:
    """The connection and version of the server of this folder if it answers now, else None."""
    connection = told(folders)
    if connection is None:
        return None
    try:
        return connection, await prove(connection, folders, binaries)
    except (EmbeddedError, FileNotFoundError):  # of an owner that was killed, or that has yet to write its own
        return None


def _same(data_directory: str, folders: Folders) -> bool:
    return Path(data_directory).samefile(folders.cluster)
