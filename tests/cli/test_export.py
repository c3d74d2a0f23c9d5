"""``rowcall export``: what is written and applied again changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import RowcallCommand

ALL_SORTS = r"""
source: billing
defaults: {allow_unknown_task: true}
schedules:
  - name: cron
    task_type: report
    cron_expression: 0 2 * * MON-FRI
    timezone: Europe/London
    starts_at: 2030-01-01T09:00
    ends_at: 2040-01-01T00:00:00Z
    jitter_seconds: 30
    max_executions: 12
    description: "Two lines:\n - one\n"
    labels: {team: ops, "yes": "no", "007": "1e5", nil: "null"}
    callback_url: https://example.org/hook
    callback_events: [FAILED, LOST]
  - name: fields
    client_id: acme
    task_type: report
    cron_fields: {hour: 9, minute: "*/15", second: 30}
    input_data:
      texts: ["5", "true", "~", "0x10", "1_000", "12:30", "- a", "a: b", " b ", "#c", "<<", "=", "ü 😀", "\t", ""]
      numbers: [5, 5.5, -0.25, 1.0e+30, -2.5e+200, 1e-7, 9007199254740993, 0]
      rest: [true, false, null, {}, []]
      deep: {a: {b: {c: [{d: 1}]}}}
  - name: interval
    task_type: report
    hours: 1
    minutes: 30
    overlap_policy: allow
    max_instances: 3
    timeout_seconds: 12.5
    coalesce: all
    catch_up_limit: 7
    max_retries: 0
    retry_backoff_seconds: 0.5
    grace_period_seconds: 60
    priority: 9
    capability_required: gpu
  - name: "it's \"once\""
    task_type: report
    scheduled_time: 2035-06-01T12:00
    timezone: Asia/Tokyo
  - name: hashed
    task_type: report
    cron_expression: H H(0-5) * * *
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.yaml"
    path.write_text(ALL_SORTS)
    return path


@pytest.mark.parametrize("options", [[], ["--full"], ["--json"], ["--full", "--json"]])
def test_what_is_exported_and_applied_again_is_unchanged(
    rowcall: RowcallCommand, file: Path, options: list[str]
) -> None:
    assert rowcall("apply", "-f", str(file), "--yes").code == 0
    exported = rowcall("export", *options)
    assert (exported.code, exported.err) == (0, "5 schedules.\n")
    file.write_text(exported.out)
    again = rowcall("apply", "-f", str(file), "--yes", "--prune")
    assert (again.out, again.err) == ("", "Plan: 5 unchanged.\n")


def test_an_export_is_short_and_reads_well(rowcall: RowcallCommand, file: Path) -> None:
    file.write_text(
        "source: billing\nschedules: [{name: a, task_type: t, cron_expression: 0 2 * * *, timezone: Europe/London}]\n"
    )
    rowcall("apply", "-f", str(file), "--yes", "--allow-unknown-task")
    assert rowcall("export").out.splitlines()[1:] == [
        "source: billing",
        "schedules:",
        "  - name: a",
        "    task_type: t",
        "    cron_expression: 0 2 * * *",
        "    timezone: Europe/London",
    ]


def test_schedules_of_no_file_can_be_adopted(rowcall: RowcallCommand, file: Path, execute: Callable[..., Any]) -> None:
    rowcall("schedules", "create", "by-hand", "--task", "t", "--interval", "1h", "--allow-unknown-task")
    rowcall("schedules", "create", "static", "--task", "t", "--interval", "1h", "--allow-unknown-task")
    execute("UPDATE rowcall.schedules SET is_static = true, source = 'shop' WHERE name = 'static'")
    refused = rowcall("export")
    assert refused.code == 2
    assert "--source: is needed: there are cli (1)." in refused.err
    adopted = rowcall("export", "--adopt", "ours")
    assert adopted.err == "1 schedule. Applying them needs --take-over.\n"
    file.write_text(adopted.out)
    assert rowcall("apply", "-f", str(file), "--yes").code == 2
    assert rowcall("apply", "-f", str(file), "--yes", "--take-over").err.endswith("Applied: 1 changed.\n")
    assert rowcall("export", "--source", "ours").out == adopted.out


def test_what_can_not_be_scheduled_is_left_out_and_what_looks_secret_is_told(
    rowcall: RowcallCommand, execute: Callable[..., Any]
) -> None:
    execute(
        "INSERT INTO rowcall.schedules"
        " (name, task_type, schedule_type, cron_expression, input_data, status, status_reason)"
        " VALUES ('bad', 't', 'cron', 'nonsense', '{}', 'INVALID', 'no fields'),"
        " ('good', 't', 'cron', '0 2 * * *', '{\"api_key\": \"abc\"}', 'ACTIVE', NULL)"
    )
    ran = rowcall("export", "--adopt", "ours")
    assert "name: bad" not in ran.out
    assert "Left out: bad is INVALID: no fields" in ran.err
    assert "Warning: good: input_data.api_key looks like a credential" in ran.err
