"""A process that uses the embedded server and tells what it sees, a JSON line at a time, until its input ends."""

import asyncio
import ctypes
import json
import os
import signal
import sys
import threading
from pathlib import Path

from rowcall.embedded import embedded_postgres

PR_CAPBSET_DROP = 24
CAP_SYS_PTRACE = 19


def say(what: str, **facts: object) -> None:
    sys.stdout.write(json.dumps({"what": what, **facts}) + "\n")
    sys.stdout.flush()


def forked() -> int:
    """A child that shares all that its parent has open, as multiprocessing makes them."""
    child = os.fork()
    if child == 0:
        signal.pause()
    return child


def become_like_a_container() -> None:
    """Root loses the right to look at other accounts' processes, as container engines start it. Others had none."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0)
    os.execv(sys.executable, [sys.executable, "-m", "tests.embedded.owner_process", sys.argv[1]])


async def use(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, on_progress=lambda words: say("progress", words=words)) as server:
        child = forked() if "--with-a-child" in sys.argv else None
        say("ready", dsn=server.dsn, owner=server.owner, child=child)
        await asyncio.to_thread(sys.stdin.read)
    say("left")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    if "--like-a-container" in sys.argv:
        become_like_a_container()
    if "--from-a-thread" in sys.argv:
        thread = threading.Thread(target=lambda: asyncio.run(use(folder)))
        thread.start()
        thread.join()
    else:
        asyncio.run(use(folder))
