"""The peers' packages, in an environment of their own: pinned, and installed once."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = HERE / "peer_programs"
PLACE = HERE / ".peers"


async def install() -> dict[str, str]:
    """Install what is missing; the program that runs each language's peers, of those languages that are there."""
    PLACE.mkdir(exist_ok=True)
    commands = {"python": str(await _python())}
    if (node := shutil.which("node")) is not None and (npm := shutil.which("npm")) is not None:
        await _node(npm)
        commands["node"] = node
    return commands


async def _python() -> Path:
    folder, wanted = PLACE / "python", (PROGRAMS / "requirements.txt").read_text()
    if not _is_there(folder, wanted):
        await _run(sys.executable, "-m", "venv", str(folder))
        await _run(
            str(folder / "bin" / "pip"), "install", "--quiet", "--requirement", str(PROGRAMS / "requirements.txt")
        )
        (folder / "installed").write_text(wanted)
    return folder / "bin" / "python"


async def _node(npm: str) -> None:
    """Node finds packages beside the program that asks for them, so the program is copied there."""
    folder, wanted = PLACE / "node", (PROGRAMS / "package.json").read_text()
    folder.mkdir(exist_ok=True)
    shutil.copy(PROGRAMS / "graphile.mjs", folder)
    if not _is_there(folder, wanted):
        shutil.copy(PROGRAMS / "package.json", folder)
        await _run(npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder))
        (folder / "installed").write_text(wanted)


def _is_there(folder: Path, wanted: str) -> bool:
    note = folder / "installed"
    return note.is_file() and note.read_text() == wanted


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{said.decode()}")
