"""One throwaway PostgreSQL for a whole test run, shared by all of pytest-xdist's workers.

Whoever needs it first starts a keeper, a process of its own, which starts the server and stays until nobody holds the
users' lock any more. The kernel frees the locks of processes that are killed, so the keeper never outlives its run, and
the server never outlives the keeper.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rowcall.embedded import start_throwaway
from tests.folders import short_lived_folder

ROOT = Path(__file__).parent.parent


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone, among all processes of the run, with what this file stands for."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def taking_part(place: Path, last_one: Callable[[], None]) -> Iterator[None]:
    """Counted as a user of what lies in `place`; the one that leaves last calls `last_one`."""
    with (place / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            last_one()


def dsn_of_shared_server(place: Path) -> str:
    """The server's URL; the server is started if it is the first time. Only while taking part."""
    address = place / "dsn"
    with locked(place / "door"):
        if not address.exists():
            _start_keeper(place)
        return address.read_text()


def _start_keeper(place: Path) -> None:
    with (place / "keeper.log").open("w") as log:
        command = [sys.executable, "-m", "tests.shared_server", str(place)]
        started = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    if started.returncode != 0:
        raise RuntimeError(f"no server for the tests:\n{(place / 'keeper.log').read_text()}")


def _keep(place: Path, ready: Callable[[], object]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with (place / "users").open("a") as users, short_lived_folder() as folder, start_throwaway(folder) as server:
        (place / "dsn").write_text(server.dsn)
        ready()
        fcntl.flock(users, fcntl.LOCK_EX)  # waits until the last user is gone, and keeps new ones out
        for written in ("dsn", "template"):
            (place / written).unlink(missing_ok=True)


def main() -> None:
    """Leave a keeper behind, and return once its server is ready: with 0, or with 1 if it is not."""
    place = Path(sys.argv[1])
    hearing, saying = os.pipe()
    if os.fork():
        os.close(saying)
        os._exit(0 if os.read(hearing, 1) else 1)
    os.setsid()
    os.close(hearing)
    _keep(place, ready=lambda: os.write(saying, b"."))


if __name__ == "__main__":
    main()
