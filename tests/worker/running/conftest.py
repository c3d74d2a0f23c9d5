"""An app to register tasks on, for each test of running."""

from __future__ import annotations

import pytest

import rowcall


@pytest.fixture
def app() -> rowcall.App:
    return rowcall.App("billing")
