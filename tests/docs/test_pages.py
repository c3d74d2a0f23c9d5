"""Every command, statement and file of the documentation is tried, and says what the page says it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, steps_of
from tests.docs.reader import Reader

WITH_STEPS = [page for page in PAGES if steps_of(page)]


@pytest.mark.parametrize("page", WITH_STEPS, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_is_what_happens(page: Path, reader: Reader) -> None:
    for step in steps_of(page):
        said, difference = reader.does(step)
        assert difference is None, f"{page.name}, line {step.line}: {step.text}\n\n{difference}\n\nit said:\n{said}"
