"""What schema.sql has that the older numbered files have not, as the newest numbered file.

``schema.sql`` is the whole; the numbered files lead an older database to it. Most of what changes is functions, views
and new tables, whose statements bear being repeated: ``make migrations`` copies these from ``schema.sql`` into the
newest file. What is done to tables that were there before (columns, constraints, indexes, storage) is written by hand,
into the file before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import rowcall
from rowcall.store.migrations import known_migrations

PACKAGE = Path(rowcall.__file__).parent
SCHEMA = PACKAGE / "schema.sql"
FOLDER = PACKAGE / "store" / "migrations"

COPIED = FOLDER / "0003_pre_new_objects.sql"
"""The file that `make migrations` writes."""

BY_HAND = FOLDER / "0002_pre_existing_tables.sql"
"""The file for what has to be done to tables that were there before."""

RELEASED = {"0001": "8e735c03"}
"""How the checksums of files begin that databases were made with: these files stay as they are for ever. Once the
newest are released, they are added here, and COPIED and BY_HAND name the next two."""

HEADER = """\
-- What schema.sql has that older numbered files have not: made by `make migrations`, changed nowhere else.
-- Triggers come last, because only they need locks on tables that were there before.

"""

_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS rowcall\.(\w+)")
_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX IF NOT EXISTS \w+\s+ON rowcall\.(\w+)")
_ALTER = re.compile(r"ALTER TABLE rowcall\.(\w+)")
_TRIGGER = "CREATE OR REPLACE TRIGGER"
_START = re.compile(r"INSERT INTO rowcall\.(?:schema_migrations|installation)|SELECT rowcall\.ensure_partitions")


def statements(script: str) -> Iterator[str]:
    """The statements of a script as we write them, each ending with a line. Comments before one are part of it."""
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        text = "\n".join(lines)
        if line.endswith(";") and not line.startswith("--") and text.count("$$") % 2 == 0:
            yield text.strip()
            lines = []


def bare(statement: str) -> str:
    """The statement without the comments before it. Those in the body of a function are part of the function."""
    return re.sub(r"\A(?:--.*\n|\s*\n)+", "", statement)


def what_is_new(schema: str, older: Sequence[str]) -> str:
    """The statements that no older script has; nothing that locks a table which an older one makes, but triggers."""
    before = [bare(statement) for script in older for statement in statements(script)]
    tables = {match[1] for statement in before if (match := _TABLE.match(statement))}

    def is_new(statement: str) -> bool:
        of_table = _TABLE.match(statement) or _INDEX.match(statement) or _ALTER.match(statement)
        return statement not in before and not (of_table and of_table[1] in tables) and not _START.match(statement)

    new = [statement for statement in statements(schema) if is_new(bare(statement))]
    return HEADER + "\n\n".join(sorted(new, key=lambda statement: bare(statement).startswith(_TRIGGER))) + "\n"


def copied() -> str:
    """What COPIED has to hold."""
    version = COPIED.name[:4]
    older = [migration.script for migration in known_migrations() if migration.version < version]
    return what_is_new(SCHEMA.read_text(encoding="utf-8"), older)
