"""Logging, as a process of its own does it: what comes out of standard error."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

PRELUDE = """
import asyncio, logging, sys, warnings
from datetime import UTC, datetime
import structlog
import rowcall
from rowcall import log
from rowcall.app.run import enter_run
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
def a_run():
    return rowcall.Run(execution_id=7, schedule_id=3, schedule_name="daily", client_id="default", scheduled_for=NOON,
                       triggered_at=NOON, attempt=2, fence=5, task_type="report", trigger="schedule")
"""


def lines_of(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def objects_of(program: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines_of(program)]


def test_away_from_a_terminal_every_line_is_an_object_whoever_logs() -> None:
    lines = objects_of("""
        log.configure("info", "auto")
        structlog.get_logger("rowcall.worker").info("scheduler_start", slots=5)
        logging.getLogger("uvicorn.error").info("started on %s", "port 8000", extra={"color": "none"})
        warnings.warn("old")
    """)
    assert [line["event"].split("\n")[0] for line in lines[:2]] == ["scheduler_start", "started on port 8000"]
    assert (lines[0]["logger"], lines[0]["level"], lines[0]["slots"]) == ("rowcall.worker", "info", 5)
    assert str(lines[0]["ts"]).endswith("Z")
    assert "UserWarning: old" in lines[2]["event"]


def test_inside_a_run_every_line_names_the_run() -> None:
    lines = objects_of("""
        log.configure("info", "json")
        async def task(run):
            enter_run(run)
            logging.getLogger("billing").info("from the standard library")
            structlog.get_logger("billing").info("from structlog")
        asyncio.run(task(a_run()))
        a_run().logger.info("from the run's own logger")
        logging.getLogger("billing").info("outside")
    """)
    assert [(line["execution_id"], line["attempt"]) for line in lines[:3]] == [(7, 2)] * 3
    assert "execution_id" not in lines[3]


def test_what_is_below_the_level_is_not_logged() -> None:
    lines = objects_of("""
        log.configure("warning", "json")
        for logger in (structlog.get_logger("a"), logging.getLogger("b")):
            logger.info("little")
            logger.warning("much")
        logging.getLogger("httpx2").info("GET https://example.com/?token=secret")
    """)
    assert [line["event"] for line in lines] == ["much", "much"]


def test_requests_are_not_logged_with_their_urls() -> None:
    assert lines_of('log.configure("debug", "json"); logging.getLogger("httpx2").info("GET /?token=secret")') == []


def test_a_server_that_is_away_is_told_of_by_workers_and_not_with_a_traceback_by_the_driver() -> None:
    lines = objects_of("""
        log.configure("info", "json")
        import asyncpg.pool
        asyncpg.pool.logger.warning("Failed to restore the pool connection floor; retrying")
        asyncpg.pool.logger.error("something else")
    """)
    assert [line["event"] for line in lines] == ["something else"]


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_value_forges_a_line(log_format: str) -> None:
    lines = lines_of(f"""
        log.configure("info", "{log_format}")
        forged = "x\\n2026-01-01T00:00:00Z [info     ] forged\\x1b[31m\\u2028y"
        structlog.get_logger("a").info(forged, value=forged, listed=[forged])
        logging.getLogger("b").info("%s", forged)
        class Sly:
            def __repr__(self): return forged
        structlog.get_logger("a").info("sly", value=Sly())
    """)
    assert len(lines) == 3
    assert not any("\x1b" in line or "\u2028" in line for line in lines)


def test_a_traceback_on_the_console_is_indented_so_that_its_text_forges_no_line() -> None:
    lines = lines_of("""
        log.configure("info", "console")
        try:
            raise ValueError("bad\\n2026-01-01T00:00:00Z [info     ] forged")
        except ValueError:
            logging.getLogger("b").exception("it failed")
    """)
    assert "it failed" in lines[0]
    assert len(lines) > 3
    assert all(line.startswith("  | ") for line in lines[1:])


def test_a_traceback_in_json_stays_on_its_line() -> None:
    [line] = objects_of("""
        log.configure("info", "json")
        try:
            raise ValueError("bad")
        except ValueError:
            structlog.get_logger("b").exception("it failed")
    """)
    assert "ValueError: bad" in line["exception"]


def test_the_last_configuration_holds_and_lines_come_once() -> None:
    lines = lines_of("""
        assert log.configured() is None
        log.configure("info", "json")
        log.configure("error", "json")
        assert log.configured() == ("error", "json")
        logging.getLogger("b").error("once")
    """)
    assert len(lines) == 1


def test_rowcalls_own_lines_say_what_they_are_for_and_how_it_went() -> None:
    lines = objects_of("""
        log.configure("info", "json")
        worker = structlog.get_logger("rowcall.worker")
        worker.info("schedule_service_init")
        worker.info("schedule_create")
        worker.warning("schedule_missed", status="MISSED")
        worker.warning("scheduler_job_error", status="QUEUED")
        worker.error("lease_lost")
        worker.warning("heartbeat_unanswered")
        structlog.get_logger("rowcall.task.report").error("schedule_looks_odd")
    """)
    assert [(line.get("category"), line.get("result")) for line in lines] == [
        ("SYSTEM", None),
        ("AUDIT", "SUCCESS"),
        ("AUDIT", "MISSED"),
        ("ERROR", "FAILED"),
        ("ERROR", "FAILED"),
        ("SYSTEM", None),
        (None, None),
    ]
