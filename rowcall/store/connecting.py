"""How a connection is made: to which of several hosts, and what it tells the server.

With several hosts in the URL each is tried for its share of the time, until one takes changes: a host that is dead
without a word (its packets go nowhere) must not use up the time of those that live.

A pooler in transaction mode gives every transaction another server connection. What a connection tells the server when
it starts is refused there, or lost, and so is everything else that belongs to a session. Whether that is so is found
out by a mark that only PostgreSQL itself keeps.
"""

from __future__ import annotations

from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from rowcall.domain.errors import InvalidInput

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_TIMEOUT_SECONDS = 10.0

MOST_MILLISECONDS = 2**31 - 1
"""PostgreSQL keeps no longer limit."""

MARK = "rowcall.direct"
HAS_MARK = f"SELECT WHERE current_setting('{MARK}', true) = 'on'"
"""Sent as text: a statement that is prepared under a name is none where a pooler passes to another server."""

NAMES = {"search_path": "pg_catalog"}
"""Where the store's statements look for what they don't qualify: among PostgreSQL's own, and nowhere else.

On the usual path lies `public`, and in many databases anybody may create there. PostgreSQL prefers a function whose
parameters fit exactly to its own that takes any type: another's `unnest(bigint[])` would run with Rowcall's rights.
"""

NOT_DIRECT = "a pooler answers there, and what is asked needs a session of its own: name PostgreSQL itself"

NOT_THIS_HOST = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.TargetServerAttributeNotMatched,
    asyncpg.ConnectionDoesNotExistError,
)
"""A host that is dead, still starting, or a standby. What any host would answer, such as a wrong password, is none."""


async def connect(dsn: str, *, timeout: float = CONNECT_TIMEOUT_SECONDS, **options: Any) -> Connection:  # noqa: ASYNC109
    """Connect as `asyncpg.connect` does, to the first host of `dsn` that suits, within `timeout` seconds for all.

    Of several hosts the one is meant that takes changes, unless the URL says otherwise by `target_session_attrs`.
    Raises what asyncpg raises, for several hosts what the last of them raised.
    """
    hosts = hosts_of(dsn)
    if len(hosts) < 2:
        return await _connect(dsn, timeout=timeout, **options)
    if "target_session_attrs" not in parse_qs(urlsplit(dsn).query):
        options["target_session_attrs"] = "read-write"
    *others, last = hosts
    share = timeout / len(hosts)
    for host, port in others:
        try:
            return await _connect(dsn, host=host, port=port, timeout=share, **options)
        except NOT_THIS_HOST:
            continue
    return await _connect(dsn, host=last[0], port=last[1], timeout=share, **options)


async def _connect(dsn: str, **options: Any) -> Connection:
    try:
        return await asyncpg.connect(dsn, **options)
    except UnicodeError as fault:  # so it is told by Python, before anybody is asked for the name
        raise OSError("a part of the host's name is empty, or longer than 63 letters") from fault


def hosts_of(dsn: str) -> list[tuple[str, int]]:
    """The hosts that a URL names and their ports, in its order; [] where it leaves them to the environment."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    listed = parts.netloc.rpartition("@")[2] or query.get("host", [""])[-1]
    ports = query.get("port", [""])[-1].split(",")
    hosts = [_host(one) for one in listed.split(",") if one]
    if len(ports) not in (1, len(hosts)):
        raise InvalidInput.of("DATABASE_URL", f"names {len(hosts)} hosts and {len(ports)} ports")
    spread = ports * len(hosts) if len(ports) == 1 else ports
    return [(host, _port(own or named)) for (host, own), named in zip(hosts, spread, strict=True)]


def _host(text: str) -> tuple[str, str]:
    """One of the hosts, and the port behind it; an IPv6 address stands in brackets, a socket's folder has no port."""
    text = unquote(text)
    if text.startswith("/"):
        return text, ""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, port.removeprefix(":")
    host, _, port = text.partition(":")
    return host, port


def _port(text: str) -> int:
    if text and not text.isdecimal():
        told = "a port is a number"  # and no word of what was found: it may be half a password, before a # that is bare
        raise InvalidInput.of("DATABASE_URL", f"{told}; in a password # is written %23, / %2F and ? %3F")
    return int(text or 5432)


# ── what a connection tells the server ────────────────────────────────────────────────────────────────────────────────


def server_settings(application_name: str, timeout_seconds: float) -> dict[str, str]:
    """What each connection tells the server: who it is, and how long it may take (0: as long as it likes).

    Where the store's own statements run, NAMES belong to it. What they rely on, a role or a database may have set to
    something else: a statement that waited for another's change goes on with what that left, and is not refused.
    """
    ours = {MARK: "on", "default_transaction_isolation": "read committed"}
    return introduction(application_name) | limits(timeout_seconds) | ours


def introduction(application_name: str) -> dict[str, str]:
    """What every pooler hands on."""
    return {"application_name": application_name[:63], "timezone": "UTC"}


def limits(timeout_seconds: float) -> dict[str, str]:
    """How long a statement, and a pause inside a transaction, may last before the server ends it: 24 days at most."""
    limit = str(min(int(timeout_seconds * 1000), MOST_MILLISECONDS))
    return {"statement_timeout": limit, "idle_in_transaction_session_timeout": limit}


def refuses_settings(fault: asyncpg.PostgresError) -> bool:
    """Whether this is a pooler's answer to what it can't hand on."""
    return isinstance(fault, asyncpg.ProtocolViolationError) and "startup parameter" in str(fault)


async def is_direct(connection: Any) -> bool:
    """Whether this connection, or pool of them, leads to PostgreSQL itself: what it was told at its start is known."""
    return bool(await connection.execute(HAS_MARK) == "SELECT 1")


async def connect_past_poolers(dsn: str, setting: str, **options: Any) -> Connection:
    """A connection to PostgreSQL itself, which is told its `server_settings`; `setting` is where `dsn` comes from.

    Raises InvalidInput, which names the setting, where a pooler answers.
    """
    try:
        connection = await connect(dsn, **options)
    except asyncpg.ProtocolViolationError as fault:
        if not refuses_settings(fault):
            raise
        raise InvalidInput.of(setting, NOT_DIRECT) from fault
    try:
        if await is_direct(connection):
            return connection
    except BaseException:
        connection.terminate()
        raise
    connection.terminate()
    raise InvalidInput.of(setting, NOT_DIRECT)
