"""What `deploy/` holds, tried as far as that goes without a Docker daemon."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from rowcall.settings import Settings
from tests.programs import ROWCALL

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KNOWN = {setting.name for setting in Settings.table()}
EXPOSURE = 20
"""In tenths, as `systemd-analyze security` counts: a unit without any of it has 96."""


def compose() -> dict[str, Any]:
    """The services, with the password filled in."""
    text = re.sub(r"\$\{POSTGRES_PASSWORD:\?[^}]*\}", "secret", (DEPLOY / "compose.yaml").read_text())
    services: dict[str, Any] = yaml.safe_load(text)["services"]
    return services


OURS = sorted(name for name, service in compose().items() if service["image"] == "rowcall")


def explains_itself(arguments: list[str]) -> None:
    """A command that exists, with options that it takes."""
    done = subprocess.run(
        [*ROWCALL, *arguments, "--help"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def variables(lines: str) -> dict[str, str]:
    given = (line.split("=", 1) for line in lines.splitlines() if line and not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, value in given}


# ── the image ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_builds_step_by_step_and_its_program_starts(tmp_path: Path) -> None:
    """The steps of its first stage, in a folder; what they need is this environment's instead of the registry's."""
    places = {"/src": tmp_path / "src", "/wheels": tmp_path / "wheels", "/opt/rowcall": tmp_path / "rowcall"}
    (tmp_path / "src").mkdir()
    environment = os.environ | {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    ours = instructions()
    [first, second] = [number for number, (word, _) in enumerate(ours) if word == "FROM"]
    for word, rest in ours[first:second]:
        if word == "COPY":
            *sources, target = shlex.split(rest)
            for source in sources:
                copy(ROOT / source, tmp_path / "src" / ("" if target == "./" else target))
        elif word == "RUN":
            command = rest
            for place, real in places.items():
                command = command.replace(place, str(real))
            subprocess.run(
                command, shell=True, cwd=tmp_path / "src", env=environment, check=True, timeout=300, capture_output=True
            )
    bare = {"PATH": "/usr/bin:/bin", "PYTHONPATH": sysconfig.get_path("purelib")}
    program = tmp_path / "rowcall" / "bin" / "rowcall"
    told = subprocess.run(
        [program, "preview", "0 9 * * *", "--json"], env=bare, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout)["description"].startswith("At 09:00")
    where = [str(program.with_name("python")), "-c", "import rowcall; print(rowcall.__file__)"]
    found = subprocess.run(where, env=bare, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert Path(found).is_relative_to(tmp_path / "rowcall")
    assert not (tmp_path / "rowcall" / "bin" / "pip").exists()


def copy(source: Path, target: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=ignored)
    else:
        shutil.copy(source, target)


def test_the_image_runs_as_nobody_in_particular_with_settings_that_exist() -> None:
    last = instructions()[max(n for n, (word, _) in enumerate(instructions()) if word == "FROM") :]
    told = dict(last)
    assert told["USER"] == "10001:10001"
    names = {pair.partition("=")[0] for pair in shlex.split(told["ENV"])}
    assert {name for name in names if name.startswith("ROWCALL_")} <= KNOWN
    assert json.loads(told["ENTRYPOINT"]) == ["rowcall"]
    explains_itself(json.loads(told["CMD"]))


def test_the_build_is_given_what_it_copies_and_nothing_else() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for source in shlex.split(rest)[:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


# ── compose ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_compose_runs_a_database_a_migration_an_api_and_two_workers() -> None:
    services = compose()
    assert set(services) == {"postgres", "migrate", "api", "worker"}
    assert services["worker"]["deploy"]["replicas"] == 2
    for name in ("api", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


@pytest.mark.parametrize("name", OURS)
def test_each_service_has_a_command_and_settings_that_exist(name: str) -> None:
    service = compose()[name]
    explains_itself(service["command"])
    assert set(service["environment"]) <= KNOWN
    settings = Settings.from_environment(service["environment"])
    assert settings.database_url is not None
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_a_worker_has_longer_to_stop_than_it_takes_to_drain() -> None:
    worker = compose()["worker"]
    drain = Settings.from_environment(worker["environment"]).drain_timeout_seconds
    assert int(worker["stop_grace_period"].removesuffix("s")) > drain


# ── systemd ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def setting_of(unit: Path, name: str) -> str:
    found: list[str] = re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)
    return found[-1]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_starts_a_command_with_settings_that_exist(unit: Path) -> None:
    program, *arguments = shlex.split(setting_of(unit, "ExecStart"))
    assert program == "/opt/rowcall/bin/rowcall"
    explains_itself(arguments)
    given = variables((DEPLOY / "systemd" / "rowcall.env").read_text())
    given |= dict(pair.split("=", 1) for pair in setting_of(unit, "Environment").split())
    assert set(given) <= KNOWN
    settings = Settings.from_environment(given)
    assert float(setting_of(unit, "TimeoutStopSec")) > settings.drain_timeout_seconds


def test_the_environment_is_to_a_shell_what_it_is_to_systemd(tmp_path: Path) -> None:
    """Whoever sources the file for a command by hand must not miss the database for a sign in its address."""
    text = (DEPLOY / "systemd" / "rowcall.env").read_text()
    url = "postgresql://rowcall:pa$$&word@db/rowcall?sslmode=require&target_session_attrs=any"
    (tmp_path / "rowcall.env").write_text(text.replace(variables(text)["DATABASE_URL"], url))
    told = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    sourced = subprocess.run(
        ["sh", "-c", f"set -a; . {tmp_path}/rowcall.env; exec {shlex.join(told)}"],
        env={}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(sourced.stdout)
    assert {name: found.get(name) for name in variables(text)} == variables(text) | {"DATABASE_URL": url}


def test_commands_by_hand_have_the_environment_and_the_account_of_the_units() -> None:
    """What systemd itself reads is not read by a shell: without its database, a command would make one of its own."""
    page = (ROOT / "docs" / "deploying.md").read_text()
    block = page.partition("## systemd")[2].partition("```sh")[2].partition("```")[0]
    by_hand = [line for line in block.splitlines() if "/bin/rowcall " in line]
    assert any(line.endswith("rowcall migrate") for line in by_hand)
    unit = UNITS[0]
    for line in by_hand:
        words = shlex.split(line)
        assert words[:2] == ["sudo", "systemd-run"]
        options, command = words[2 : (place := words.index("/opt/rowcall/bin/rowcall"))], words[place + 1 :]
        assert set(options) >= {
            "--wait", "--pipe", f"--uid={setting_of(unit, 'User')}",
            f"--property=EnvironmentFile={setting_of(unit, 'EnvironmentFile')}",
        }  # fmt: skip
        explains_itself(command)
        if shutil.which("systemd-run"):
            known = subprocess.run(["systemd-run", "--help"], capture_output=True, text=True, check=True).stdout
            assert {option.partition("=")[0] for option in options} <= set(re.findall(r"--[a-z-]+", known))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_is_one_to_systemd_and_gives_little_away(unit: Path, tmp_path: Path) -> None:
    instance = tmp_path / unit.name.replace("@", "@1")
    text = unit.read_text().replace("/opt/rowcall/bin/rowcall", str(Path(sys.executable).with_name("rowcall")))
    instance.write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", instance], capture_output=True, text=True, check=False, timeout=60
    )
    assert (verified.returncode, [line for line in verified.stderr.splitlines() if unit.stem in line]) == (0, [])
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE}", instance],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr
