"""The tests against another PostgreSQL: ``make older ARGS="/usr/lib/postgresql/15/bin [what pytest takes]"``.

What is tried is what databases see of Rowcall. Tests of the embedded server, and of a primary with its standby, have
programs of their own, whatever is named here.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from rowcall.embedded.account import serving_account
from rowcall.embedded.binaries import Binaries
from tests.clusters import SETTINGS, Server
from tests.folders import short_lived_folder

ROOT = Path(__file__).parent.parent
QUICK = SETTINGS | {
    "max_connections": "200", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB",
}  # fmt: skip


def main() -> int:
    """Run them; what pytest ended with."""
    match sys.argv[1:]:
        case [programs, *options] if (Path(programs) / "initdb").is_file():
            return _run(Path(programs), options)
        case [programs, *_]:
            sys.exit(f"The programs of a PostgreSQL were sought in {programs}, and there is no initdb: name its bin.")
        case _:
            sys.exit("Which PostgreSQL? Name the folder of its programs: make older ARGS=/usr/lib/postgresql/15/bin")


def _run(programs: Path, options: list[str]) -> int:
    account = serving_account(None)
    with short_lived_folder() as folder:
        shutil.chown(folder, account.uid, account.gid)
        server = Server(folder / "data", account, Binaries(programs.resolve()), QUICK)
        try:
            print(f"PostgreSQL {asyncio.run(_started(server))}", flush=True)
            command = [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "worksteal", *options]
            environment = {**os.environ, "ROWCALL_TEST_DATABASE_URL": server.dsn}
            return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        finally:
            server.stop()


async def _started(server: Server) -> object:
    await server.make()
    await server.start()
    return await server.asked("SHOW server_version")


if __name__ == "__main__":
    sys.exit(main())
