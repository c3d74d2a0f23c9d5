"""The operator of an installation: makes the role of sql tasks, and writes down what may be run under which name."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def toml(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


def write_down(file: Path, section: str, **named: dict[str, Any]) -> Path:
    """Write tables ``[section.name]``; underscores in the names become dashes."""
    lines = []
    for name, table in named.items():
        lines.append(f"[{section}.{name.replace('_', '-')}]")
        lines += [f"{key} = {toml(value)}" for key, value in table.items()]
    file.write_text("\n".join(lines) + "\n")
    return file


class Operator:
    """A role of sql tasks that owns the schema `sales`, in which there is a table `effects`."""

    def __init__(self, role: str, url: str, file: Path, connection: Connection) -> None:
        self.role = role
        self.url = url
        self.file = file
        self.as_sql_role = connection

    def writes_down(self, **named: Any) -> dict[str, Any]:
        """Write statements down, each as text, as a list, or as a whole table; the settings that turn them on."""
        tables = {name: each if isinstance(each, dict) else {"statement": each} for name, each in named.items()}
        write_down(self.file, "sql", **tables)
        return {"named_sql": self.file, "sql_database_url": self.url}


@asynccontextmanager
async def an_operator(db: Connection, dsn: str, folder: Path) -> AsyncIterator[Operator]:
    """Make the role; it is gone at the end, with all it owned."""
    role = f"sql_{secrets.token_hex(6)}"
    await db.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    await db.execute(f"CREATE SCHEMA sales AUTHORIZATION {role}")
    await db.execute("SELECT rowcall.grant_sql_role($1)", role)
    url = as_role(dsn, role)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE sales.effects (what text)")
        yield Operator(role, url, folder / "named.toml", connection)
    finally:
        await connection.close()
        await db.execute(f"DROP OWNED BY {role} CASCADE")
        await db.execute(f"DROP ROLE {role}")


def as_role(dsn: str, role: str) -> str:
    """The URL of the same database for another role, whose password is "secret"."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:secret@{host}").geturl()
