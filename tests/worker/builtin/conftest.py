"""What the tests of the built-in tasks share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.worker.builtin.operator import Connection, Operator, an_operator


@pytest.fixture
async def operator(db: Connection, dsn: str, tmp_path: Path) -> AsyncIterator[Operator]:
    """An operator with a role for sql tasks in the test's own database."""
    async with an_operator(db, dsn, tmp_path) as made:
        yield made
