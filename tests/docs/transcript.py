"""What the commands of a page say today, to be copied into it: python -m tests.docs.transcript docs/start.md"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import asyncpg

from rowcall.embedded import start_throwaway
from tests.databases import SCHEMA
from tests.docs.conftest import EMBEDDED
from tests.docs.pages import steps_of
from tests.docs.reader import Reader
from tests.folders import short_lived_folder


async def _fill(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(SCHEMA.read_text())
    await connection.close()


def main() -> None:
    """Do all steps of a page, on a database of its own, and write what is said behind each."""
    page = Path(sys.argv[1]).resolve()
    with short_lived_folder() as data, tempfile.TemporaryDirectory() as folder:
        if page in EMBEDDED:
            _read(page, Path(folder), {"ROWCALL_DATA_DIR": str(data / "data")})
            return
        with start_throwaway(data) as server:
            asyncio.run(_fill(server.dsn))
            _read(page, Path(folder), {"DATABASE_URL": server.dsn})


def _read(page: Path, folder: Path, settings: dict[str, str]) -> None:
    with Reader(folder, settings, patience_seconds=2) as reader:
        for step in steps_of(page):
            said, difference = reader.does(step)
            mark = "=" if difference is None else "≠"
            print(f"{mark * 20} line {step.line}\n{step.text}\n{'-' * 20}\n{said}", flush=True)


if __name__ == "__main__":
    main()
