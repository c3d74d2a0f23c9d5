"""``rowcall audit``: a whole ledger is told so, a hole is named."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.support import RowcallCommand

ROW = """
    INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, covers_after, schedule_version, priority,
                                             trigger, status, task_type, reason, input_data, finished_at)
    SELECT schedule_id, $1::text::timestamptz, $2::text::timestamptz, 1, 5, 'schedule', 'MISSED', 'report',
           'grace ran out', '{}', now()
      FROM rowcall.schedules"""


@pytest.fixture
def _a_broken_chain(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    """Two answers, of which the second does not begin where the first one ends."""
    rowcall("schedules", "create", "hourly", "--task", "report", "--cron", "0 * * * *", "--allow-unknown-task")
    hours = [execute(f"SELECT (date_trunc('hour', now()) - interval '{n} hours')::text") for n in (4, 3, 2, 1)]
    execute(ROW, hours[1], hours[0])
    execute(ROW, hours[3], hours[2])


def test_a_whole_ledger_is_told_so(rowcall: RowcallCommand) -> None:
    ran = rowcall("audit")
    assert (ran.code, ran.out) == (0, "")
    assert "every occurrence is answered for exactly once" in ran.err


@pytest.mark.usefixtures("_a_broken_chain")
def test_a_hole_is_named_with_its_schedule_and_its_span(rowcall: RowcallCommand) -> None:
    ran = rowcall("audit", "--json")
    assert ran.code == 1
    assert {finding["schedule_name"] for finding in ran.lines} == {"hourly"}
    assert set(ran.lines[0]) == {"schedule_id", "schedule_name", "kind", "detail", "since", "until"}
    assert "hourly" in rowcall("audit", "hourly").out


def test_only_what_is_named_is_audited(rowcall: RowcallCommand) -> None:
    assert rowcall("audit", "nothing").code == 4


def test_an_audit_with_other_time_zone_data_says_what_it_does_not_check(
    rowcall: RowcallCommand, execute: Callable[..., Any]
) -> None:
    assert "time zone data" not in rowcall("audit").err
    execute("UPDATE rowcall.installation SET tzdata_version = '9999a'")
    ran = rowcall("audit")
    assert ran.code == 0
    assert "is not that of the installation: of rules in time zones the chain was checked" in " ".join(ran.err.split())
