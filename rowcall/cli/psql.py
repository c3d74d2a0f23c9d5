"""The way into the database with psql, without its password on a terminal or in a list of processes."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlencode, urlsplit

from rowcall.domain.errors import NotFound
from rowcall.embedded import EmbeddedServer
from rowcall.embedded.binaries import find_binaries
from rowcall.settings import Settings

from .access import Schema, a_database
from .output import print_text, say


async def open_psql(arguments: Sequence[str], *, show: bool) -> int:
    """Run psql on the database, or write the command that would; returns its exit code."""
    async with a_database(Settings.from_environment(), purpose="psql", schema=Schema.LEAVE, say=say) as place:
        if show:
            print_text(psql_command(place.embedded))
            return 0
        url, password = _without_password(place.database.dsn)
        # Ctrl-C is psql's: it ends a query there, and must not end us before psql.
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
        environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
        process = await asyncio.create_subprocess_exec(_psql(), url, *arguments, env=environment)
        return await process.wait()


def _psql() -> str:
    """The psql of this machine, or the one that came with the embedded server. Raises NotFound."""
    if (found := shutil.which("psql")) is not None:
        return found
    own = find_binaries().tool("psql")
    if not Path(own).exists():
        raise NotFound("There is no psql on this machine: install PostgreSQL's client programs.")
    return own


def _without_password(dsn: str) -> tuple[str, str]:
    """The URL without its password, which stands before the host or among the parameters, and the password."""
    parts = urlsplit(dsn)
    account, at, host = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    named = [pair.partition("=") for pair in parts.query.split("&")]
    others = "&".join(name + equals + value for name, equals, value in named if name != "password")
    found = [password, *(value for name, _, value in named if name == "password")]
    bare = parts._replace(netloc=f"{user}{at}{host}", query=others)
    return bare.geturl(), unquote(next(filter(None, found), ""))


def psql_command(embedded: EmbeddedServer | None) -> str:
    """A line for a shell that opens the database."""
    if embedded is None:
        return 'psql "$DATABASE_URL"'
    return shlex.join(["psql" if shutil.which("psql") else _psql(), _url(embedded)])


def _url(embedded: EmbeddedServer) -> str:
    """The server's URL with the path of a file that holds the password, instead of the password."""
    parts = urlsplit(embedded.dsn)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    query["passfile"] = str(_password_file(embedded.data_dir / "pgpass", parts))
    return f"{parts.scheme}://{parts.username}@{parts.path}?{urlencode(query, quote_via=quote, safe='/')}"


def _password_file(path: Path, parts: SplitResult) -> Path:
    """Write the password down as libpq reads it: in a file that is closed to all other accounts."""
    password = unquote(parts.password or "").replace("\\", "\\\\").replace(":", "\\:")
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(f"*:*:*:*:{password}\n")
    draft.rename(path)
    return path
