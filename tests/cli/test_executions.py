"""``rowcall executions``: the ledger, from a shell."""

from collections.abc import Callable
from typing import Any

import pytest

from rowcall.wire.executions import ExecutionView
from tests.cli.support import RowcallCommand


@pytest.fixture
def queued(rowcall: RowcallCommand) -> int:
    """An execution of the schedule `nightly` that nobody runs."""
    rowcall("schedules", "create", "nightly", "--task", "report", "--cron", "0 3 * * *", "--allow-unknown-task")
    execution_id: int = rowcall("schedules", "execute", "nightly", "--json").json["execution_id"]
    return execution_id


def test_an_execution_is_listed_and_shown(rowcall: RowcallCommand, queued: int) -> None:
    shown = rowcall("executions", "show", str(queued), "--json").json
    [listed] = rowcall("executions", "list", "--json").lines
    assert shown == listed
    assert set(shown) == set(ExecutionView.model_fields)
    header, row = rowcall("executions", "list").out.splitlines()
    assert header.split()[:3] == ["ID", "SCHEDULE", "SCHEDULED"]
    assert row.split()[:2] == [str(queued), "nightly"]
    assert "QUEUED" in rowcall("executions", "show", str(queued)).out


def test_lists_are_filtered(rowcall: RowcallCommand, queued: int, execute: Callable[..., Any]) -> None:
    execute(
        "INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, schedule_version, priority, trigger, "
        "status, task_type, reason, input_data, finished_at) SELECT schedule_id, now() - interval '3 hours', 1, 5, "
        "'schedule', 'MISSED', 'report', 'grace ran out', '{}', now() FROM rowcall.schedules"
    )

    def statuses(*arguments: str) -> list[str]:
        return [row["status"] for row in rowcall("executions", "list", "--json", *arguments).lines]

    assert sorted(statuses()) == ["MISSED", "QUEUED"]
    assert statuses("--schedule", "nightly") == ["QUEUED", "MISSED"]
    assert statuses("--status", "missed") == ["MISSED"]
    assert statuses("--status", "queued") == ["QUEUED"]
    assert statuses("--since", "1h") == ["QUEUED"]
    assert statuses("--until", "1h") == ["MISSED"]
    assert statuses("--task", "other") == []
    assert len(statuses("--limit", "1")) == 1
    assert "grace ran out" in rowcall("executions", "list").out
    assert rowcall("executions", "list", "--schedule", "nothing").code == 4
    assert rowcall("executions", "list", "--status", "GONE").code == 2
    assert rowcall("executions", "list", "--since", "yesterday").code == 2


def test_a_queued_execution_is_cancelled_once(rowcall: RowcallCommand, queued: int) -> None:
    assert rowcall("executions", "cancel", str(queued)).err == f"Execution {queued} is cancelled.\n"
    again = rowcall("executions", "cancel", str(queued))
    assert (again.code, "CANCELLED already" in again.err) == (5, True)


@pytest.mark.parametrize("action", ["show", "cancel"])
def test_an_execution_that_does_not_exist_is_not_found(rowcall: RowcallCommand, action: str) -> None:
    assert rowcall("executions", action, "999").code == 4
    assert rowcall("executions", action, "nightly").code == 2


def test_a_long_list_is_read_in_pages(
    rowcall: RowcallCommand, execute: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, queued: int
) -> None:
    monkeypatch.setattr("rowcall.client.calls.LARGEST_PAGE", 2)
    for _ in range(4):
        rowcall("schedules", "execute", "nightly")
    for arguments in ((), ("--schedule", "nightly")):
        listed = [row["execution_id"] for row in rowcall("executions", "list", "--json", *arguments).lines]
        assert listed == sorted(range(queued, queued + 5), reverse=True)
    for number in range(4):
        rowcall("schedules", "create", f"n-{number}", "--task", "x", "--interval", "5m", "--allow-unknown-task")
    assert len(rowcall("schedules", "list", "--json").lines) == 5
    assert len(rowcall("schedules", "list", "--json", "--limit", "3").lines) == 3
