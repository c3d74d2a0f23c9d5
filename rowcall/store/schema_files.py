"""The numbered files that lead from one schema to the next, as they came with this Rowcall.

``migrations/NNNN_pre_*.sql`` and ``NNNN_post_*.sql``, forward only. Old code runs on with the `pre` files of a newer
Rowcall, so they come before its code; `post` files take away what only old code used, so they come after it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable

PREVIEWS = {"0001": frozenset({"ea929ed5d86d60af395fd084eac2b23c20a30f692155bb90085ecf38ed120d90"})}
"""The checksums that a file had before it was frozen. Databases were made with it as it was then, and the files that
come after it lead from there to the same schema."""

_FILE = re.compile(r"(?P<version>\d{4})_(?P<name>(?:pre|post)_\w+)\.sql")


@dataclass(frozen=True)
class Migration:
    """One numbered file. `name` begins with ``pre_`` or ``post_``."""

    version: str
    name: str
    script: str

    @cached_property
    def checksum(self) -> str:
        """The same on every machine: line ends count as LF."""
        return hashlib.sha256(self.script.replace("\r\n", "\n").encode()).hexdigest()

    @property
    def recognised(self) -> frozenset[str]:
        """The checksums that a database may have noted for this file."""
        return PREVIEWS.get(self.version, frozenset()) | {self.checksum}

    @property
    def in_transaction(self) -> bool:
        """Whether all of the file takes effect, or nothing of it."""
        return not self.script.startswith("-- no-transaction")

    @property
    def statements(self) -> list[str]:
        """The statements of a file that runs without a transaction."""
        return [statement for statement in re.split(r";[ \t]*\r?\n\s*\n", self.script) if statement.strip()]


def known_migrations(folder: Traversable | None = None) -> list[Migration]:
    """The numbered files that came with this Rowcall, oldest first."""
    found = (folder or files("rowcall.store").joinpath("migrations")).iterdir()
    named = [(match, file) for file in found if (match := _FILE.fullmatch(file.name))]
    migrations = [Migration(match["version"], match["name"], file.read_text(encoding="utf-8")) for match, file in named]
    return sorted(migrations, key=lambda migration: migration.version)
