"""Notifications: early news of changes and requests. Losing one costs lateness, never an occurrence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .connecting import CONNECT_TIMEOUT_SECONDS, NAMES, connect_past_poolers, server_settings
from .driver_errors import domain_errors

CHANNEL = "rowcall"
LOOK = "look"
"""Said of all changes but these two."""

CANCEL = "cancel"
"""The end of a run was requested."""

DELIVER = "deliver"
"""Something new is in the outbox."""

KINDS = frozenset({LOOK, CANCEL, DELIVER})

CHECK_SECONDS = 30.0


async def listen(
    dsn: str,
    on_message: Callable[[str], None],
    *,
    application_name: str = "rowcall listener",
    check_seconds: float = CHECK_SECONDS,
) -> None:
    """Call `on_message` with each payload until the connection ends; it never ends by itself otherwise.

    `on_message` is called once with LOOK as soon as it listens: what was said before is not heard. Raises
    StoreUnavailable when the connection can't be made or is cut: listen again, a cut one does not come back.
    A connection that was cut without a word is found out by a question every `check_seconds`.
    Raises InvalidInput where a pooler answers: it would take the LISTEN, and hand on nothing.
    """
    gone = asyncio.Event()
    with domain_errors():
        connection = await connect_past_poolers(
            dsn,
            "ROWCALL_DIRECT_DATABASE_URL",
            command_timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings=server_settings(application_name, CONNECT_TIMEOUT_SECONDS) | NAMES,
        )
        try:
            connection.add_termination_listener(lambda _: gone.set())
            await connection.add_listener(
                CHANNEL, lambda _connection, _pid, _channel, payload: on_message(str(payload))
            )
            on_message(LOOK)
            while not gone.is_set():
                try:
                    await asyncio.wait_for(gone.wait(), timeout=check_seconds)
                except TimeoutError:
                    await connection.execute("SELECT 1")
            raise ConnectionResetError("the listening connection was closed")
        finally:
            connection.terminate()
