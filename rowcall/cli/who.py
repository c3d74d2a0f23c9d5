"""Who types: what commands change is kept under the name of their account."""

from __future__ import annotations

import getpass

from rowcall.domain.access import Access
from rowcall.store.database import Database


def who() -> str:
    """Who asks, as it is kept with what they did."""
    try:
        return f"{getpass.getuser()} on the command line"
    except (KeyError, OSError):  # an account without a name, as containers have them
        return "the command line"


def acting_here(database: Database) -> Database:
    """The database, on behalf of whoever types."""
    return database.acting(Access(who()))
