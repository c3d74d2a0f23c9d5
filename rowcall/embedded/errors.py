"""What can stand between Rowcall and its embedded server, said in words that lead on."""

from __future__ import annotations

from rowcall.domain.errors import StoreUnavailable

WAY_OUT = "Or name a PostgreSQL server (14 to 18) of your own in DATABASE_URL."


class EmbeddedError(StoreUnavailable):
    """The embedded PostgreSQL can't serve here: what was sought, what was found, what to do.

    Every message ends with the way that is always open, a server named by DATABASE_URL.
    """

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} {WAY_OUT}")


class ToolFailed(EmbeddedError):
    """A program of PostgreSQL ended with an error; its own last words are in the message."""
