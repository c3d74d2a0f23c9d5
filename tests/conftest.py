"""What every test may ask for."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from structlog.stdlib import ProcessorFormatter

pytest_plugins = ["tests.databases", "tests.order", "tests.poolers"]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command that is run inside of a test configures logging for good: the next one finds it as it comes."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)
        root = logging.getLogger()
        root.setLevel(logging.WARNING)
        for handler in [each for each in root.handlers if isinstance(each.formatter, ProcessorFormatter)]:
            root.removeHandler(handler)
