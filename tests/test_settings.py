"""Settings: what the environment says, and how it is told what is wrong with it."""

from __future__ import annotations

import os
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from pathlib import Path

import pytest

from rowcall.domain.errors import InvalidInput
from rowcall.settings import Settings


def faults_of(environ: dict[str, str]) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        Settings.from_environment(environ)
    return {fault.field: fault.message for fault in caught.value.faults}


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().poll_interval_seconds == 30
    assert Settings().database_url is None
    assert Settings().lease == timedelta(seconds=20)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc] # what is tried


def test_without_an_environment_of_its_own_the_process_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCALL_PORT", "8123")
    assert Settings.from_environment().port == 8123


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("DATABASE_URL", "postgresql://me:pw@db/rowcall", "database_url", "postgresql://me:pw@db/rowcall"),
        ("DATABASE_URL", "postgres:///rowcall?host=/run", "database_url", "postgres:///rowcall?host=/run"),
        ("ROWCALL_PORT", " 0 ", "port", 0),
        ("ROWCALL_ALLOWED_HOSTS", "a.example, b.example", "allowed_hosts", ("a.example", "b.example")),
        ("ROWCALL_CAPABILITIES", "gpu,report-v1", "capabilities", ("gpu", "report-v1")),
        ("ROWCALL_DATA_DIR", "/srv/rowcall", "data_dir", Path("/srv/rowcall")),
        ("ROWCALL_POLL_INTERVAL_SECONDS", "0.5", "poll_interval_seconds", 0.5),
        ("ROWCALL_NOTIFICATIONS", "OFF", "notifications", False),
        ("ROWCALL_SCHEDULER_ENABLED", "yes", "scheduler_enabled", True),
        ("ROWCALL_LOG_FORMAT", "JSON", "log_format", "json"),
        ("ROWCALL_DEFAULT_TIMEZONE", "Europe/London", "default_timezone", "Europe/London"),
        ("ROWCALL_RETENTION_DAYS", "0", "retention_days", 0),
        ("ROWCALL_PORT", "", "port", 8000),
    ],
)
def test_a_variable_becomes_a_typed_value(name: str, text: str, field: str, value: object) -> None:
    assert getattr(Settings.from_environment({name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("DATABASE_URL", "mysql://me:hunter2@db/rowcall", "begins with postgresql://"),
        ("ROWCALL_PORT", "http", "a whole number from 0 to 65535 is expected; found 'http'"),
        ("ROWCALL_PORT", "65536", "a whole number"),
        ("ROWCALL_PORT", "-1", "a whole number"),
        ("ROWCALL_PORT", "٣", "a whole number"),
        ("ROWCALL_CONCURRENCY", "9" * 5000, "a whole number"),
        ("ROWCALL_POLL_INTERVAL_SECONDS", "nan", "a number from 0.1 to 3600 is expected"),
        ("ROWCALL_POLL_INTERVAL_SECONDS", "soon", "a number"),
        ("ROWCALL_NOTIFICATIONS", "maybe", "on or off is expected"),
        ("ROWCALL_LOG_LEVEL", "loud", "one of debug, info, warning, error, critical is expected"),
        ("ROWCALL_DEFAULT_TIMEZONE", "Europe/Lodnon", "did you mean Europe/London"),
        ("ROWCALL_HOST", "a\nb", "one line"),
        ("ROWCALL_DATA_DIR", "~no-such-account/data", "there is no account no-such-account"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_what_was_expected(name: str, text: str, message: str) -> None:
    faults = faults_of({name: text})
    assert message in faults[name]
    assert len(faults[name]) < 250


@pytest.mark.parametrize(
    "url", ["mysql://me:hunter2@db", "postgresql://me:[hunter2]@db", "postgresql://me:hunter2℀@db"]
)
def test_a_password_never_gets_into_a_message_or_a_repr(url: str) -> None:
    assert "hunter2" not in faults_of({"DATABASE_URL": url})["DATABASE_URL"]
    assert "hunter2" not in repr(Settings.from_environment({"DATABASE_URL": "postgresql://me:hunter2@db"}))


def test_every_fault_is_told_at_once() -> None:
    assert list(faults_of({"ROWCALL_PORT": "x", "DATABASE_URL": "y", "ROWCALL_NONSENSE": "z"})) == [
        "DATABASE_URL",
        "ROWCALL_NONSENSE",
        "ROWCALL_PORT",
    ]


def test_a_slip_in_a_name_is_answered_with_the_name_that_was_meant() -> None:
    assert "did you mean ROWCALL_CONCURRENCY?" in faults_of({"ROWCALL_CONCURENCY": "5"})["ROWCALL_CONCURENCY"]


@pytest.mark.parametrize("name", ["ROWCALL_DATABASE_URL", "ROWCALL_DATABASE", "ROWCALL_DATABSE_URL"])
def test_the_one_name_without_the_prefix_is_meant_by_the_same_with_it(name: str) -> None:
    assert "did you mean DATABASE_URL?" in faults_of({name: "postgresql://db"})[name]


def test_a_home_that_is_nowhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container: an account that stands in no list of accounts, and no HOME."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 54321)
    assert "~ is nobody's home" in faults_of({"ROWCALL_DATA_DIR": "~/data"})["ROWCALL_DATA_DIR"]


def test_names_of_others_and_of_the_tests_are_left_alone() -> None:
    assert Settings.from_environment({"PATH": "/bin", "ROWCALL_TEST_DATABASE_URL": "x"}) == Settings()


def test_what_kubernetes_puts_beside_a_service_called_rowcall_is_no_setting() -> None:
    links = {
        "ROWCALL_SERVICE_HOST": "10.0.0.1",
        "ROWCALL_SERVICE_PORT": "80",
        "ROWCALL_SERVICE_PORT_HTTP": "80",
        "ROWCALL_PORT": "tcp://10.0.0.1:80",
        "ROWCALL_PORT_80_TCP": "tcp://10.0.0.1:80",
        "ROWCALL_PORT_80_TCP_ADDR": "10.0.0.1",
        "ROWCALL_API_PORT": "tcp://10.0.0.2:80",
    }
    assert Settings.from_environment(links) == Settings()


def test_the_table_has_a_row_for_every_field_with_a_description_and_a_default() -> None:
    table = Settings.table()
    assert len(table) == len(fields(Settings))
    assert [row.name for row in table if not row.description.endswith(".") or not row.default] == []
    assert all(row.name == "DATABASE_URL" or row.name.startswith("ROWCALL_") for row in table)


def test_every_number_has_a_unit() -> None:
    table = {row.name: row for row in Settings.table()}
    numbers = [f for f in fields(Settings) if isinstance(f.default, int | float) and not isinstance(f.default, bool)]
    assert [f.name for f in numbers if not table[f"ROWCALL_{f.name.upper()}"].unit] == []


def test_every_default_that_is_shown_would_be_accepted_as_a_value() -> None:
    for row, field in zip(Settings.table(), fields(Settings), strict=True):
        if field.default not in (None, ()):
            assert getattr(Settings.from_environment({row.name: row.default}), field.name) == field.default


def test_the_data_folder_is_the_users_own_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Settings().data_folder == Path("/var/lib/rowcall")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/home/me/data")
    monkeypatch.setenv("HOME", "/home/me")
    assert "rowcall" in Settings().data_folder.parts[-1]
    assert Path("/home/me") in Settings().data_folder.parents
    assert Settings(data_dir=Path("/srv/x")).data_folder == Path("/srv/x")
