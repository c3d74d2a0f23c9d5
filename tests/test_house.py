"""The house itself: who may import whom, what the wheel brings, and that the documents tell the truth about both."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "schema.sql", "rowcall", "worker", "webapi")
NEEDED = (
    "rowcall/py.typed",
    "rowcall/schema.sql",
    "rowcall/cli/__init__.py",
    "rowcall/client/__init__.py",
    "rowcall/worker/__init__.py",
    "rowcall/webapi/__init__.py",
    "rowcall/store/migrations/0001_pre_initial.sql",
    "rowcall/store/sql/claim_due.sql",
)


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


def test_imports_point_one_way_and_only_the_store_knows_the_driver() -> None:
    run(Path(sys.executable).with_name("lint-imports"), "--no-cache")


def test_each_guarantee_of_the_readme_is_the_name_of_a_test() -> None:
    promised = (ROOT / "README.md").read_text().partition("## What holds")[2].partition("\n## ")[0]
    guarantees = re.findall(r"^- (.*(?:\n  .*)*)", promised, re.MULTILINE)
    tests = {
        name for file in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    assert guarantees
    assert [text for text in guarantees if as_test_name(text) not in tests] == []


def as_test_name(sentence: str) -> str:
    words = re.sub(r"[^a-z0-9 ]", "", re.sub(r"[_\s-]+", " ", sentence.lower()))
    return "test_" + "_".join(words.split())


def test_the_links_into_the_package_are_relative() -> None:
    links = {link.name: link.readlink() for link in (ROOT / "rowcall").iterdir() if link.is_symlink()}
    assert links == {name: Path("..") / name for name in ("worker", "webapi", "schema.sql")}


def test_the_wheel_works_in_an_empty_environment(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path)

    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"rowcall", "rowcall-0.1.0.dist-info"}
    assert set(NEEDED) <= set(names)
    assert "rowcall-0.1.0.dist-info/licenses/LICENSE" in names

    rowcall = install(wheel, tmp_path / "env")
    assert "serve" in run(rowcall, "--help", cwd=tmp_path)
    assert run(rowcall, "--version", cwd=tmp_path) == "0.1.0\n"
    where = "import rowcall.worker; print(rowcall.worker.__file__)"
    found = run(rowcall.with_name("python"), "-c", where, cwd=tmp_path)
    assert found.startswith(str(tmp_path / "env"))


def build_wheel(place: Path) -> Path:
    """Build from a copy: building writes into the sources."""
    copy = place / "sources"
    copy.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place / "dist", cwd=copy)
    [wheel] = (place / "dist").iterdir()
    return wheel


def install(wheel: Path, place: Path) -> Path:
    """Install the wheel alone; what it depends on is lent by this environment, without its own Rowcall."""
    run(sys.executable, "-m", "venv", "--without-pip", place)
    python = place / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "--quiet", wheel)
    [site_packages] = (place / "lib").glob("python*/site-packages")
    lent = Path(pytest.__file__).parents[1]
    (site_packages / "lent.pth").write_text(f"{lent}\n")
    return place / "bin" / "rowcall"
