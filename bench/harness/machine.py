"""The machine and the versions, as printed with every result: figures without them mean nothing."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

from .figures import median
from .server import Server

SYNCS = 200
PAGE = b"\0" * 8192


def facts_of(server: Server) -> dict[str, str]:
    """What there is to know of where a benchmark ran, in words."""
    shown = ", ".join(f"{name} {value}" for name, value in server.settings.items() if name != "scram_iterations")
    return {
        "machine": f"{os.cpu_count()} × {_processor()}, {_memory_gib():.0f} GiB, {platform.system()} "
        f"{platform.release().split('-')[0]}",
        "disk": f"{sync_seconds(server.folder.parent) * 1e3:.2f} ms per fdatasync of 8 KiB (median of {SYNCS})",
        "versions": f"Rowcall {version('rowcall')}, PostgreSQL {server.version}, Python {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in ("asyncpg", "uvloop", "croniter")),
        "settings": shown,
        "measured at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def sync_seconds(folder: Path) -> float:
    """How long the disk takes to make eight KiB durable."""
    path = folder / "sync-probe"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    spans: list[float] = []
    try:
        for _ in range(SYNCS):
            began = time.perf_counter()
            os.pwrite(descriptor, PAGE, 0)
            os.fdatasync(descriptor)
            spans.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        path.unlink()
    return median(spans)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
