"""A real PgBouncer in transaction mode before the test's database. It has fewer servers than it has clients.

pooler              PgBouncer as it is out of the box: it refuses what a connection tells the server when it starts
pooled_dsn          the URL of the test's database through it
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from rowcall.embedded.account import serving_account
from tests.folders import short_lived_folder

SERVERS = 3
"""Connections to PostgreSQL that all clients share."""

PATIENCE_SECONDS = 60.0

DROPPED = "statement_timeout, idle_in_transaction_session_timeout, lock_timeout, rowcall.direct, enable_seqscan, "
DROPPED += "search_path, enable_bitmapscan, enable_hashjoin, enable_mergejoin, jit, plan_cache_mode"
"""Everything that Rowcall's connections say: an operator who had trouble once may have listed it all."""

CONFIGURATION = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {servers}
max_client_conn = 500
ignore_startup_parameters = {ignored}
"""


def _program() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip("PgBouncer is not installed: run .ci/pooler as root, or apt-get install pgbouncer")
    return found


def _server_of(dsn: str) -> str:
    """The server behind `dsn` as PgBouncer names it; the name of the database is the client's."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    facts = {
        "host": parts.hostname or query["host"][0],
        "port": parts.port or query.get("port", ["5432"])[0],
        "user": unquote(parts.username or query["user"][0]),
        "password": unquote(parts.password or ""),
    }
    return " ".join(f"{name}={value}" for name, value in facts.items())


@contextlib.contextmanager
def pgbouncer(dsn: str, *, ignored: str = "") -> Iterator[str]:
    """The URL of the database of `dsn` through a PgBouncer that drops what is `ignored`, and refuses the rest."""
    program, account = _program(), serving_account(None)
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with short_lived_folder() as folder:
        file = folder / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(server=_server_of(dsn), port=port, servers=SERVERS, ignored=ignored))
        shutil.chown(file, account.uid, account.gid)
        file.chmod(0o600)
        with (folder / "log").open("wb") as log:
            command = [program, "--quiet", str(file)]
            process = subprocess.Popen(command, **account.identity, cwd="/", stdout=log, stderr=log)
        try:
            _wait_until_it_listens(process, port, folder / "log")
            yield f"postgresql://anybody@127.0.0.1:{port}{urlsplit(dsn).path}?sslmode=disable"
        finally:
            process.terminate()
            process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PgBouncer does not listen:\n{log.read_text()}")
        time.sleep(0.02)


@pytest.fixture
def pooled_dsn(dsn: str) -> Iterator[str]:
    with pgbouncer(dsn) as through:
        yield through
