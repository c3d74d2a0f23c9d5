"""Processor time and memory of processes, read from /proc: Linux only, and nothing to install."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
PPID, UTIME, STIME, CUTIME, CSTIME = 1, 11, 12, 13, 14
"""Fields of /proc/PID/stat, counted from the state, which follows the name."""


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, its threads, and those children that have ended; 0 for one that is gone."""
    fields = _stat(pid)
    return TICK_SECONDS * sum(int(fields[index]) for index in (UTIME, STIME, CUTIME, CSTIME)) if fields else 0.0


def cpu_seconds_of_tree(pid: int) -> float:
    """Processor time of a process and all its living descendants, those that have ended included."""
    return sum(cpu_seconds(member) for member in tree(pid))


def fine_cpu_seconds(pid: int) -> float:
    """Processor time of a process's living threads, to the microsecond: for what is nearly idle."""
    return _run_nanoseconds(pid) / 1e9


def fine_cpu_seconds_of_tree(pid: int) -> float:
    """The same of a process and all its living descendants."""
    return sum(fine_cpu_seconds(member) for member in tree(pid))


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} was to be measured, and has no memory left: it has ended")


def machine_busy_seconds() -> float:
    """Processor time that this machine has spent on anything, all cores together."""
    fields = [int(field) for field in (PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _waiting, irq, softirq, stolen = fields
    return TICK_SECONDS * (user + nice + system + irq + softirq + stolen)


def tree(pid: int) -> Iterator[int]:
    """A process and its living descendants."""
    yield pid
    for child in _children(pid):
        yield from tree(child)


def _children(pid: int) -> Iterable[int]:
    found: list[int] = []
    for task in _threads(pid):
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # that thread has ended
            continue
    return found


def _run_nanoseconds(pid: int) -> int:
    total = 0
    for task in _threads(pid):
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:  # that thread has ended
            continue
    return total


def _threads(pid: int) -> list[Path]:
    try:
        return list((PROC / str(pid) / "task").iterdir())
    except OSError:  # the process has ended
        return []


def _stat(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # the process has ended
        return []
