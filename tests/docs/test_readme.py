"""The first page: its decisions have reasons, its commands are there, and all links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT

README = (ROOT / "README.md").read_text()


def test_every_decision_has_a_reason_and_a_price() -> None:
    decisions = README[README.index("## Decisions") : README.index("## Working on it")].strip().split("\n\n")[1:]
    assert len(decisions) >= 5
    for decision in decisions:
        choice, reason, price = decision.splitlines()
        assert (choice[:2], reason[:10], price[:9]) == ("**", "*Reason:* ", "*Price:* ")


@pytest.mark.parametrize(("target", "does"), [("run", "rowcall serve --demo"), ("test", "-m pytest")])
def test_the_two_commands_at_the_top_are_there(target: str, does: str) -> None:
    assert f"make {target}" in README
    told = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True)
    assert does in told.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_linked_from_the_first() -> None:
    assert [page.name for page in PAGES if page.parent.name == "docs" and f"docs/{page.name}" not in README] == []
