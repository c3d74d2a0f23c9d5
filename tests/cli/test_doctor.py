"""``rowcall doctor``: each thing that can be wrong is found, and said with what to do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rowcall.cli.doctor.findings import State
from rowcall.cli.doctor.server import _clock, _connections, _version
from rowcall.cli.doctor.work import _monitor
from rowcall.domain.schedules import gone_reason
from rowcall.domain.zones import tzdata_version
from rowcall.settings import Settings
from rowcall.store.diagnosis import ServerFacts
from rowcall.store.migrations import known_migrations
from tests.cli.support import Ran, RowcallCommand

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)


def findings(ran: Ran) -> dict[str, str]:
    return {finding["check"]: finding["state"] for finding in ran.lines}


def found(ran: Ran, check: str) -> str:
    [finding] = [finding for finding in ran.lines if finding["check"] == check]
    return f"{finding['state']}: {finding['found']} -> {finding['to_do']}"


def a_schedule(rowcall: RowcallCommand, name: str = "nightly") -> None:
    rowcall("schedules", "create", name, "--task", "report", "--cron", "0 3 * * *", "--allow-unknown-task")


def test_a_sound_installation_is_all_ok(rowcall: RowcallCommand, a_worker: Callable[..., int]) -> None:
    a_schedule(rowcall)
    a_worker("report")
    ran = rowcall("doctor", "--json")
    assert ran.code == 0
    assert set(findings(ran).values()) == {"ok"}
    assert {"settings", "database", "server", "clock", "schema", "workers", "routes", "overdue", "ledger"} <= set(
        findings(ran)
    )
    assert rowcall("doctor").err == "Nothing is wrong.\n"


def test_without_schedules_nobody_needs_to_work(rowcall: RowcallCommand) -> None:
    ran = rowcall("doctor", "--json")
    assert (ran.code, findings(ran)["workers"]) == (0, "warn")


def test_schedules_without_a_worker_are_a_fault(rowcall: RowcallCommand) -> None:
    a_schedule(rowcall)
    ran = rowcall("doctor", "--json")
    assert ran.code == 1
    assert found(ran, "workers") == "fail: none is alive -> start `rowcall serve` or `rowcall worker`"
    assert "1 of " in rowcall("doctor").err


def test_a_worker_whose_lease_ran_out_is_none(
    rowcall: RowcallCommand, a_worker: Callable[..., int], execute: Callable[..., Any]
) -> None:
    a_schedule(rowcall)
    a_worker("report")
    execute("UPDATE rowcall.workers SET last_beat_at = now() - interval '1 hour'")
    assert findings(rowcall("doctor", "--json"))["workers"] == "fail"


def test_what_no_worker_can_run_is_named(rowcall: RowcallCommand, a_worker: Callable[..., int]) -> None:
    a_schedule(rowcall)
    a_worker("other")
    ran = rowcall("doctor", "--json")
    assert ran.code == 1
    assert found(ran, "routes") == "fail: no worker runs report -> start a worker with the app that has it"


def test_what_is_overdue_is_named_with_how_long(
    rowcall: RowcallCommand, a_worker: Callable[..., int], execute: Callable[..., Any]
) -> None:
    a_schedule(rowcall)
    a_worker("report")
    execute("UPDATE rowcall.schedules SET next_run_at = now() - interval '10 minutes'")
    ran = rowcall("doctor", "--json")
    assert (ran.code, "fail: report for 10 min" in found(ran, "overdue")) == (1, True)


def test_days_that_are_old_by_the_clock_alone_are_told(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    assert found(rowcall("doctor", "--json"), "history") == "ok: kept for 90 days -> None"
    execute("SELECT rowcall.ensure_partitions(now() - interval '400 days', now() - interval '391 days')")
    ran = rowcall("doctor", "--json")
    told = found(ran, "history")
    assert told.startswith("warn: 10 days are older than 90 days and stay: the ledger has too few younger days")
    assert told.endswith("-> check the server's clock; if it is right: rowcall retention")
    assert "10 days dropped, 0 kept." in rowcall("retention").err
    assert found(rowcall("doctor", "--json"), "history").startswith("ok")


def test_workers_of_different_versions_are_an_upgrade_half_done(
    rowcall: RowcallCommand, a_worker: Callable[..., int]
) -> None:
    a_worker("a")
    a_worker("a", version="0.2.0")
    assert "versions 0.1.0, 0.2.0 -> finish the upgrade" in found(rowcall("doctor", "--json"), "workers")


def test_a_schedule_that_can_not_be_scheduled_is_told_with_its_reason(
    rowcall: RowcallCommand, execute: Callable[..., Any]
) -> None:
    a_schedule(rowcall)
    execute("UPDATE rowcall.schedules SET status = 'INVALID', status_reason = 'no such zone'")
    assert "nightly (no such zone)" in found(rowcall("doctor", "--json"), "schedules")


def test_a_schedule_that_was_answered_for_while_the_clock_was_ahead_is_told(
    rowcall: RowcallCommand, execute: Callable[..., Any]
) -> None:
    a_schedule(rowcall)
    execute("UPDATE rowcall.schedules SET last_occurrence_at = '2098-07-06 05:04Z', next_run_at = '2098-07-07 05:04Z'")
    told = found(rowcall("doctor", "--json"), "schedules")
    assert told.startswith("fail: answered for while the server's clock was ahead")
    assert "nightly (through 2098-07-06 05:04 UTC) -> if the clock is right now: delete them" in told
    rowcall("schedules", "delete", "nightly")
    a_schedule(rowcall)
    assert found(rowcall("doctor", "--json"), "schedules").startswith("ok")


def test_a_schedule_whose_code_is_gone_is_told_and_one_that_people_paused_is_not(
    rowcall: RowcallCommand, execute: Callable[..., Any]
) -> None:
    a_schedule(rowcall)
    execute(
        "UPDATE rowcall.schedules SET is_static = true, status = 'PAUSED', status_reason = 'gone: fishing (by ada)'"
    )
    assert found(rowcall("doctor", "--json"), "schedules").startswith("ok")
    execute("UPDATE rowcall.schedules SET status_reason = $1", f"{gone_reason('shop')} (by ada)")
    assert found(rowcall("doctor", "--json"), "schedules").startswith("ok")
    execute("UPDATE rowcall.schedules SET status_reason = $1", gone_reason("shop"))
    told = found(rowcall("doctor", "--json"), "schedules")
    assert told == "warn: set aside, their code is gone: nightly -> bring it back, or delete them"


def test_days_that_the_ledger_has_no_place_for_are_told(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    execute(f"DROP TABLE rowcall.schedule_executions_{tomorrow:%Y%m%d}")
    assert f"no place yet for {tomorrow}" in found(rowcall("doctor", "--json"), "ledger")


def test_an_api_that_everyone_needs_a_key_for_and_nobody_has_one_is_a_fault(
    rowcall: RowcallCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(rowcall("doctor", "--json"), "keys").startswith("ok: none, and none is needed")
    monkeypatch.setenv("ROWCALL_AUTH", "keys")
    assert found(rowcall("doctor", "--json"), "keys").startswith("fail: no API key is valid -> rowcall keys create")
    rowcall("keys", "create", "--scope", "read", "--name", "reports")
    assert found(rowcall("doctor", "--json"), "keys") == "ok: 1 valid -> None"


def test_the_last_administrator_who_expires_is_told(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    rowcall("keys", "create", "--scope", "read", "--name", "reports")
    rowcall("keys", "create", "--scope", "admin", "--name", "ada")
    assert found(rowcall("doctor", "--json"), "keys") == "ok: 2 valid -> None"
    for left, told in (("3 days", "expires"), ("-1 hour", "expired")):
        execute(f"UPDATE rowcall.api_keys SET expires_at = now() + interval '{left}' WHERE name = 'ada'")
        assert f"the last one with the scope admin {told} 2" in found(rowcall("doctor", "--json"), "keys")
    rowcall("keys", "create", "--scope", "admin", "--name", "bob")
    assert found(rowcall("doctor", "--json"), "keys") == "ok: 2 valid -> None"


def test_callbacks_that_nothing_signs_and_those_that_died_are_told(
    rowcall: RowcallCommand, execute: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ROWCALL_SECRETS_FILE", str(tmp_path / "secrets.json"))
    assert found(rowcall("doctor", "--json"), "webhooks") == "ok: none -> None"
    a_schedule(rowcall)
    execute("UPDATE rowcall.schedules SET callback_url = 'https://hooks.example/hidden-7'")
    told = found(rowcall("doctor", "--json"), "webhooks")
    assert told.startswith("warn: no secret on this machine signs what 1 of 1 clients are to be told: default ->")
    created = rowcall("secrets", "create", "webhooks")
    assert created.code == 0, created.err
    assert found(rowcall("doctor", "--json"), "webhooks").startswith("ok: 1 clients are told")
    execute(
        "INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload, status,"
        " status_reason, next_attempt_at, finished_at)"
        " SELECT schedule_id, 1, client_id, 'FAILED', callback_url, '{}', 'DEAD', 'gone', NULL, now()"
        " FROM rowcall.schedules"
    )
    ran = rowcall("doctor", "--json")
    assert found(ran, "webhooks").startswith("warn: 1 died within a day, the last for https://hooks.example ->")
    assert "hidden-7" not in ran.out


def test_an_older_schema_is_a_fault_and_the_work_is_not_looked_at(
    rowcall: RowcallCommand, execute: Callable[..., Any]
) -> None:
    execute("DELETE FROM rowcall.schema_migrations")
    execute("INSERT INTO rowcall.schema_migrations (version, name) VALUES ('0000', 'pre_nothing')")
    ran = rowcall("doctor", "--json")
    assert ran.code == 1
    assert f"this Rowcall needs {known_migrations()[-1].version}" in found(ran, "schema")
    assert "workers" not in findings(ran)


def test_every_setting_that_can_not_be_used_is_a_finding(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWCALL_PORT", "x")
    monkeypatch.setenv("ROWCALL_CONCURRENCY", "0")
    ran = command_line("doctor", "--json")
    assert ran.code == 1
    assert [finding["found"].split(":")[0] for finding in ran.lines] == ["ROWCALL_CONCURRENCY", "ROWCALL_PORT"]


def test_a_server_that_does_not_answer_is_a_finding(
    command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/nothing")
    ran = command_line("doctor", "--json")
    assert (ran.code, findings(ran)) == (1, {"settings": "ok", "database": "fail"})
    assert "secret" not in ran.out + ran.err


def test_a_data_folder_that_is_not_there_yet_is_no_fault_and_is_not_made(
    command_line: RowcallCommand, data_dir: Path
) -> None:
    ran = command_line("doctor", "--json")
    assert (ran.code, findings(ran)) == (0, {"settings": "ok", "data folder": "warn"})
    assert not data_dir.exists()


def test_a_data_folder_that_others_may_enter_is_a_fault(command_line: RowcallCommand, data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700)
    data_dir.chmod(0o755)
    ran = command_line("doctor", "--json")
    assert ran.code == 1
    assert f"is open to others (755) -> chmod 700 {data_dir}" in found(ran, "data folder")


def facts(**changed: Any) -> ServerFacts:
    given = {
        "version": "18.4",
        "version_number": 180_004,
        "now": NOW,
        "is_standby": False,
        "role": "r",
        "database": "d",
        "started_at": NOW,
    }
    return ServerFacts(**{**given, "max_connections": 100, **changed})


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"version_number": 130_012}, State.FAIL), ({"version_number": 140_000}, State.OK), ({}, State.OK),
        ({"version_number": 190_000}, State.WARN), ({"is_standby": True}, State.FAIL),
    ],
)  # fmt: skip
def test_servers_from_14_to_18_that_take_changes_are_supported(changed: dict[str, Any], state: State) -> None:
    assert _version(facts(**changed)).state is state


def test_a_clock_that_is_off_is_told_but_not_one_whose_answer_was_slow() -> None:
    asked_at = NOW - timedelta(seconds=5)
    assert _clock(facts(), asked_at, took=timedelta(seconds=10)).state is State.OK
    assert _clock(facts(), asked_at, took=timedelta(seconds=1)).state is State.WARN


def test_a_server_with_few_connections_is_told() -> None:
    assert _connections(facts(max_connections=15), Settings()).state is State.WARN
    assert _connections(facts(max_connections=20), Settings()).state is State.OK


def test_a_pooler_is_told_of_and_whether_there_is_a_way_past_it(
    rowcall: RowcallCommand, pooled_dsn: str, dsn: str, server_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(rowcall("doctor", "--json"), "pooler") == "ok: none stands between -> None"
    monkeypatch.setenv("DATABASE_URL", pooled_dsn)
    assert "warn: one stands between: no notifications" in found(rowcall("doctor", "--json"), "pooler")
    for direct, state in ((dsn, "ok: "), (server_dsn, "fail: past it is another database"), (pooled_dsn, "fail: ")):
        monkeypatch.setenv("ROWCALL_DIRECT_DATABASE_URL", direct)
        assert found(rowcall("doctor", "--json"), "pooler").startswith(state)


def test_the_schema_is_not_changed_through_a_pooler(
    rowcall: RowcallCommand, pooled_dsn: str, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", pooled_dsn)
    ran = rowcall("migrate")
    assert (ran.code, "ROWCALL_DIRECT_DATABASE_URL: a pooler stands at DATABASE_URL" in ran.err) == (2, True)
    monkeypatch.setenv("ROWCALL_DIRECT_DATABASE_URL", dsn)
    assert rowcall("migrate").code == 0


def test_a_monitor_role_that_may_not_look_is_told_of(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    execute("REVOKE SELECT ON rowcall.v_metrics FROM rowcall_monitor")
    told = found(rowcall("doctor", "--json"), "monitor")
    assert told.startswith("warn: rowcall_monitor may not read all views -> ")
    execute(told.partition(" -> ")[2])
    assert found(rowcall("doctor", "--json"), "monitor").startswith("ok: ")


def test_a_monitor_role_that_is_not_there_is_told_of_with_what_to_run() -> None:
    finding = _monitor(is_there=False, may_read=False)
    assert finding.state is State.WARN
    assert finding.to_do is not None
    assert "CREATE ROLE rowcall_monitor NOLOGIN; SELECT rowcall.grant_monitor(" in finding.to_do


def test_other_time_zone_data_is_told(
    rowcall: RowcallCommand, a_worker: Callable[..., int], execute: Callable[..., Any]
) -> None:
    own = tzdata_version()
    assert found(rowcall("doctor", "--json"), "time zones") == f"ok: data {own} -> None"
    worker_id = a_worker("report")
    execute("UPDATE rowcall.workers SET tzdata_version = $2 WHERE worker_id = $1", worker_id, "2020a")
    execute("UPDATE rowcall.installation SET tzdata_version = $1", own)
    told = found(rowcall("doctor", "--json"), "time zones")
    assert told.startswith(f"warn: data {own} here, {own} in use; workers have 2020a -> give every replica the same")
    execute("UPDATE rowcall.workers SET tzdata_version = $2 WHERE worker_id = $1", worker_id, own)
    execute("UPDATE rowcall.installation SET tzdata_version = '9999a'")
    assert f"warn: data {own} here, 9999a in use" in found(rowcall("doctor", "--json"), "time zones")
