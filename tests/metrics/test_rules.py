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

from rowcall.metrics.exposition import exposition
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


AWAY = None


def a_process(*missed: int) -> list[bytes]:
    """What it tells each minute, when it has missed so many so far."""
    told = []
    for count in missed:
        tallies = Tallies()
        for _ in range(count):
            tallies.answered("missed")
        told.append(exposition(tallies, "1.2.3", None, None))
    return told


@pytest.mark.parametrize(
    ("told", "minute", "fires"),
    [
        (a_process(0, 0, 0, 0), 3, False),
        (a_process(0, 0, 1, 1), 3, True),
        ([*a_process(0, 0), *a_process(3, 3)], 3, True),
        ([*a_process(0, 2), *[AWAY] * 20, *a_process(3, 3)], 23, True),
        ([*a_process(0, 2), *[AWAY] * 20, *a_process(0, 0)], 23, False),
        (a_process(*[0] * 3, *[2] * 40), 42, False),
    ],
    ids=["none", "the first", "restarted", "back from an outage", "back, and none missed", "long ago"],
)
def test_the_alert_on_misses_sees_them_in_what_a_process_really_tells(
    promtool: str, tmp_path: Path, told: list[bytes | None], minute: int, fires: bool
) -> None:
    name = 'rowcall_occurrences_total{outcome="missed"}'
    values = ["_" if text is AWAY else found[1] if (found := value_of(name, text)) else "_" for text in told]
    [rule] = [rule for rule in RULES if rule["alert"] == "RowcallMissed"]
    alert = {"exp_labels": rule["labels"], "exp_annotations": rule["annotations"]}
    expected = {"eval_time": f"{minute}m", "alertname": "RowcallMissed", "exp_alerts": [alert] if fires else []}
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name.replace("}", ',instance="a"}'), "values": " ".join(values)}],
            "alert_rule_test": [expected],
        }
    ]
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(FOLDER / "rowcall.rules.yml")], "tests": tests}))
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stdout + done.stderr


def value_of(name: str, text: bytes) -> re.Match[str] | None:
    return re.search(rf"^{re.escape(name)} (\d+)", text.decode(), re.MULTILINE)


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
