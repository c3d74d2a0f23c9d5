"""Who asks, and what they may: scopes, the client a caller is confined to, and what is kept back of static schedules.

A caller who is confined sees and changes what is of its own client, and of static schedules, whosever they are, name,
timing and status. To such a caller what is somebody else's does not exist: it is not found, like what was never there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .errors import Forbidden

DEFAULT_CLIENT = "default"


class Scope(StrEnum):
    """What a key is good for; each includes those before it."""

    READ = "read"
    RUN = "run"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        """Whether who has this one may do what the other one is needed for."""
        return _RANKS[self] >= _RANKS[other]


_RANKS = {scope: rank for rank, scope in enumerate(Scope)}

KEPT_BACK = ("input_data", "callback_url", "last_execution_id")
"""What a confined caller is not shown of a static schedule."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a caller may. `who` is their name in reasons and in the log of changes; None: whoever the database knows.

    `client_id` is whose schedules are meant where a name is given alone.
    """

    who: str | None = None
    client_id: str = DEFAULT_CLIENT
    scope: Scope = Scope.ADMIN

    @property
    def confined_to(self) -> str | None:
        """The one client whose things the caller sees; None: those of all."""
        return None if self.scope is Scope.ADMIN else self.client_id

    def check_may(self, needed: Scope, what: str) -> None:
        """Raise Forbidden without a scope that includes the one needed."""
        if not self.scope.includes(needed):
            raise Forbidden(f"{what} needs the scope {needed}; this key has {self.scope}")

    def check_creates_for(self, client_id: str) -> None:
        """Raise Forbidden for another client than the caller's own."""
        if self.confined_to not in {None, client_id}:
            raise Forbidden(f"this key creates schedules of client {self.confined_to!r}, and of no other")

    def check_owns(self, schedule: Mapping[str, Any]) -> None:
        """Raise Forbidden for another client's schedule, where the caller sees it: a static one."""
        if self.confined_to not in {None, schedule["client_id"]}:
            raise Forbidden(
                f"schedule {schedule['name']!r} is of client {schedule['client_id']!r}; this key deletes those of "
                f"client {self.confined_to!r}, and no other"
            )

    def check_acts_on(self, schedule: Mapping[str, Any]) -> None:
        """Raise Forbidden for the runs of a static schedule, unless the caller is an administrator."""
        if self.confined_to is not None and schedule["is_static"]:
            raise Forbidden(
                f"schedule {schedule['name']!r} is static: its input, its runs and running it need the scope admin"
            )

    def shown(self, schedule: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schedule as the caller may see it."""
        if self.confined_to is None or not schedule["is_static"]:
            return schedule
        return {**schedule, **dict.fromkeys(KEPT_BACK)}


EVERYTHING = Access()
"""What workers, and commands on the database itself, may do."""
