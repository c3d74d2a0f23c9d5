"""``rowcall secrets``: a value is told once where it is made here, and otherwise never."""

from __future__ import annotations

import io
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from tests.cli.support import Ran, RowcallCommand

TOKEN = "the-token-of-the-partner"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kept" / "secrets.json"
    monkeypatch.setenv("ROWCALL_SECRETS_FILE", str(path))
    return path


@pytest.fixture
def typed(command_line: RowcallCommand, monkeypatch: pytest.MonkeyPatch) -> RowcallCommand:
    """A command with a value on its standard input."""

    def run(value: str, *arguments: str) -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(value))
        return command_line("secrets", *arguments, "--stdin")

    return run


def kept(file: Path) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(file.read_text())["secrets"]
    return found


def test_a_signing_secret_is_made_shown_once_and_kept_in_a_file_of_its_owners_alone(
    command_line: RowcallCommand, file: Path
) -> None:
    ran = command_line("secrets", "create", "webhooks")
    assert ran.code == 0
    assert ran.out.strip().startswith("whsec_")
    assert ran.out.strip() not in ran.err
    assert Webhook(ran.out.strip()).sign("msg_1", datetime.now(UTC), "{}").startswith("v1,")
    assert kept(file)["webhooks"]["values"] == [ran.out.strip()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_a_value_from_standard_input_is_told_nowhere(
    typed: RowcallCommand, file: Path, command_line: RowcallCommand
) -> None:
    ran = typed(f"{TOKEN}\n", "create", "partner", "--client", "acme", "--host", "api.example.com")
    listed, as_json = command_line("secrets", "list"), command_line("secrets", "list", "--json")
    assert all(TOKEN not in each.out + each.err for each in (ran, listed, as_json))
    assert as_json.json == {"name": "partner", "clients": ["acme"], "hosts": ["api.example.com"], "values": 1}
    assert kept(file)["partner"]["values"] == [TOKEN]


def test_a_rotation_leaves_two_values_until_the_old_one_is_retired(
    typed: RowcallCommand, command_line: RowcallCommand, file: Path
) -> None:
    typed("first-value", "create", "partner")
    typed("second-value", "rotate", "partner")
    assert kept(file)["partner"]["values"] == ["second-value", "first-value"]
    typed("third-value", "rotate", "partner")
    assert kept(file)["partner"]["values"] == ["third-value", "second-value"]
    command_line("secrets", "retire", "partner")
    assert kept(file)["partner"]["values"] == ["third-value"]


def test_grants_are_given_and_taken(typed: RowcallCommand, command_line: RowcallCommand, file: Path) -> None:
    typed("some-value", "create", "partner")
    command_line("secrets", "grant", "partner", "--client", "acme", "--client", "zoo")
    assert kept(file)["partner"]["clients"] == ["acme", "zoo"]
    ran = command_line("secrets", "grant", "partner", "--client", "acme", "--revoke")
    assert "may be used by: zoo." in ran.err
    command_line("secrets", "remove", "partner")
    assert kept(file) == {}


@pytest.mark.parametrize(
    ("arguments", "value", "code", "told"),
    [
        (("create", "partner"), "another-one", 5, "there is a secret 'partner' already"),
        (("create", "short"), "seven77", 2, "8 to 8192 characters, not 7"),
        (("create", "empty"), "", 2, "a value is expected"),
        (("create", "a/b"), "some-value", 2, "letters, digits, dots, dashes and underscores"),
        (("create", "webhooks"), "some-value", 2, "whsec_ and 24 to 64 bytes in base64"),
        (("create", "fine", "--host", "https://x.example"), "some-value", 2, "must be a host name"),
        (("rotate", "absent"), "some-value", 4, "there is no secret 'absent'"),
    ],
)
def test_what_can_not_be_kept_is_refused_in_words_without_the_value(
    typed: RowcallCommand, file: Path, arguments: tuple[str, ...], value: str, code: int, told: str
) -> None:
    typed("some-value", "create", "partner")
    before = file.read_text()
    ran = typed(value, *arguments)
    assert (ran.code, told in ran.err) == (code, True), ran.err
    assert not value or value not in ran.err + ran.out
    assert file.read_text() == before


def test_what_signs_webhooks_is_granted_to_nobody(command_line: RowcallCommand, file: Path) -> None:
    command_line("secrets", "create", "webhooks/acme")
    ran = command_line("secrets", "grant", "webhooks/acme", "--client", "acme")
    assert ran.code == 2
    assert "granted to nobody" in ran.err


def test_a_file_that_others_may_read_is_refused(
    typed: RowcallCommand, command_line: RowcallCommand, file: Path
) -> None:
    typed("some-value", "create", "partner")
    file.chmod(0o644)
    ran = command_line("secrets", "list")
    assert ran.code != 0
    assert "mode 0644; chmod 600 closes it" in ran.err
    file.chmod(0o640)
    assert command_line("secrets", "list").code == 0


def test_a_file_that_makes_no_sense_is_refused_without_quoting_it(command_line: RowcallCommand, file: Path) -> None:
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_text('{"secrets": {"partner": {"values": ["hush-hush", 7], "who": "acme"}}}')
    ran = command_line("secrets", "list")
    assert ran.code == 2
    assert "partner.values.1" in ran.err
    assert "hush" not in ran.err
