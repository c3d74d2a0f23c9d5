"""Tables of the documentation that are made from the code: python -m tests.docs.tables writes them anew."""

from __future__ import annotations

import re

from rowcall.settings import Settings
from tests.docs.pages import ROOT
from tests.webapi.key_matrix import matrix_table

SETTINGS = ROOT / "docs" / "settings.md"
SECURITY = ROOT / "docs" / "security.md"
_BETWEEN_MARKS = re.compile(r"(?<=tests\.docs\.tables -->\n).*?(?=<!-- end -->)", re.DOTALL)


def settings_table() -> str:
    """All settings, in the order of their declaration."""
    rows = [f"| `{row.name}` | {_code(row.default)} | {row.unit} | {row.description} |" for row in Settings.table()]
    return "\n".join(["| variable | default | unit | means |", "|---|---|---|---|", *rows, ""])


def with_settings_table(page: str) -> str:
    """The page with today's table between its marks."""
    return _with_table(page, settings_table())


def with_key_matrix(page: str) -> str:
    """The page with what each operation answers to each kind of key between its marks."""
    return _with_table(page, matrix_table())


def _with_table(page: str, table: str) -> str:
    return _BETWEEN_MARKS.sub(table.replace("\\", r"\\"), page, count=1)


def _code(default: str) -> str:
    """A default as code where it is a value to type, as words where it says what happens."""
    return default if " " in default else f"`{default}`"


if __name__ == "__main__":
    SETTINGS.write_text(with_settings_table(SETTINGS.read_text()))
    SECURITY.write_text(with_key_matrix(SECURITY.read_text()))
