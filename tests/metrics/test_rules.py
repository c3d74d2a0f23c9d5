"""The alerts: right for promtool, about figures that there are, and each says where to look."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from rowcall.metrics.tallies import Tallies
from rowcall.store.database import Database
from rowcall.webapi.scraping import Scraping

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = yaml.safe_load((FOLDER / "rowcall.rules.yml").read_text())["groups"][0]["rules"]


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        told = "promtool is not installed: run .ci/promtool as root, or apt-get install prometheus"
        assert "ROWCALL_TEST_PROMTOOL" not in os.environ, told  # where it has to be there, it is no excuse
        pytest.skip(told)
    return found


@pytest.mark.parametrize(
    "check", [("check", "rules", "rowcall.rules.yml"), ("test", "rules", "rowcall.rules.test.yml")]
)
def test_promtool_finds_nothing_wrong_with_the_alerts(promtool: str, check: tuple[str, ...]) -> None:
    done = subprocess.run([promtool, *check], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stdout + done.stderr


async def test_every_alert_is_about_figures_that_there_are(dsn: str, db: asyncpg.Connection[Any]) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds)"
        " VALUES ('n', 'w', 'interval', 9)"
    )
    async with Database.open(dsn, size=1) as database:
        text = (await Scraping(database, Tallies()).text()).decode()
    told = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))

    asked = {name for rule in RULES for name in re.findall(r"rowcall_\w+", rule["expr"])}
    assert asked - told == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
async def test_every_alert_says_where_to_look(rule: dict[str, Any], db: asyncpg.Connection[Any]) -> None:
    look = rule["annotations"]["look"]
    if look.startswith("SELECT rowcall.explain"):
        await db.execute(
            "INSERT INTO rowcall.schedules (name, task_type, schedule_type, interval_seconds)"
            " VALUES ('nightly', 'w', 'interval', 9)"
        )
        look = look.replace("{{ $labels.schedule }}", "nightly")
    if look.startswith("SELECT"):
        await db.execute("SET SESSION AUTHORIZATION rowcall_monitor")
        await db.fetch(look)
    else:
        assert look == "rowcall doctor"
