"""Every agreed case, to the minute: Debian's cron across gaps, folds, odd zones and odd days."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rowcall.domain.triggers import CronTrigger, occurrences_after

FILE = Path(__file__).with_name("data") / "cron-cases.jsonl"
CASES = [json.loads(line) for line in FILE.read_text().splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['class']}: {case['expression']} {case['timezone']}")
def test_the_next_five_are_those_agreed(case: dict[str, Any]) -> None:
    after = datetime.fromisoformat(case["after"])
    expected = [datetime.fromisoformat(moment) for moment in case["expected"]]

    assert occurrences_after(CronTrigger(case["expression"], case["timezone"]), after, len(expected)) == expected
