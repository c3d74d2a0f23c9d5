"""A copy of all that the embedded server holds, in a file, before something is done that can't be undone."""

from __future__ import annotations

import os
from pathlib import Path

from .address import PORT
from .binaries import find_binaries
from .cluster import DATABASE, ROLE
from .connection import told
from .embedded import EmbeddedServer
from .errors import EmbeddedError
from .folders import folders_of, make_private
from .tools import run_tool


async def dump(server: EmbeddedServer, name: str) -> Path:
    """Write the database into `dumps/<name>.dump` of the data folder, as pg_restore reads it; the path.

    The file is there whole or not at all; one of the same name is replaced. Raises EmbeddedError.
    """
    folders = folders_of(server.data_dir)
    if (connection := told(folders)) is None:
        raise EmbeddedError(f"The server of {folders.root} has just ended, before its database was dumped: try again.")
    path = make_private(folders.dumps) / f"{name}.dump"
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    address = [f"--host={connection.host}", f"--port={PORT}", f"--username={ROLE}", f"--dbname={DATABASE}"]
    command = [find_binaries().tool("pg_dump"), "--no-password", "--format=custom", f"--file={draft}", *address]
    try:
        await run_tool(command, more={"PGPASSWORD": connection.password, "PGCONNECT_TIMEOUT": "10"})
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
