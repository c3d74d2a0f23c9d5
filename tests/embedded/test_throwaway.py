"""Servers for tests and benchmarks, and the one that all tests of a run share."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from rowcall.embedded import start_throwaway
from tests.embedded.processes import ROOT, serves
from tests.embedded.support import ask, until

PART = """
import sys
from pathlib import Path
from tests.shared_server import dsn_of_shared_server, taking_part

place = Path(sys.argv[1])
with taking_part(place, last_one=lambda: print("last", flush=True)):
    print(dsn_of_shared_server(place), flush=True)
    sys.stdin.read()
"""


def test_a_throwaway_server_is_quick_and_takes_settings(place: Path) -> None:
    with start_throwaway(place / "data", {"work_mem": "5MB", "max_connections": "11"}) as server:
        shown = [
            asyncio.run(ask(server.dsn, f"SHOW {name}")) for name in ("fsync", "work_mem", "max_connections", "port")
        ]
        assert shown == ["off", "5MB", "11", "5432"]
    assert not serves(place / "data")


def test_a_throwaway_server_works_from_any_thread(place: Path) -> None:
    seen: list[int] = []

    def use() -> None:
        with start_throwaway(place / "data") as server:
            seen.append(asyncio.run(ask(server.dsn, "SELECT 1")))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert seen == [1]
    assert not serves(place / "data")


def a_part(place: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PART, str(place)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def output(part: subprocess.Popen[str]) -> IO[str]:
    assert part.stdout is not None
    return part.stdout


def leave(part: subprocess.Popen[str]) -> None:
    assert part.stdin is not None
    part.stdin.close()


async def test_all_parts_of_a_run_share_one_server_and_it_goes_with_the_last_even_if_that_is_killed(
    place: Path,
) -> None:
    with a_part(place) as first, a_part(place) as second:
        dsn = output(first).readline().strip()
        assert output(second).readline().strip() == dsn
        data_dir = Path(await ask(dsn, "SHOW data_directory")).parent

        leave(first)
        assert first.wait(20) == 0
        assert output(first).read() == ""
        assert await ask(dsn, "SELECT 1") == 1

        second.kill()
        await until(lambda: not data_dir.exists())


async def test_a_part_that_comes_when_all_others_have_left_finds_a_new_server(place: Path) -> None:
    seen: list[str] = []
    for _ in range(2):
        with a_part(place) as part:
            seen.append(output(part).readline().strip())
            assert await ask(seen[-1], "SELECT 1") == 1
            leave(part)
            assert output(part).read() == "last\n"
    assert len(set(seen)) == 2
