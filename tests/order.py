"""In which order the tests run, and how many beside each other.

pytest-xdist gives each of its workers an equal part of the list, and lets whoever is done take from what others have
left (``--dist worksteal``). Half of the parts begin with the tests that take long and mostly wait, so that nobody waits
for the last of them alone, and the other parts keep the cores busy meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice

import pytest

WAITING_BESIDE_CORES = 2
LONG = (
    "tests/worker/test_rolling_restart.py",
    "tests/test_bench.py",
    "tests/contract/test_contract.py",
    "tests/worker/test_exactly_once.py",
    "tests/worker/builtin/test_sql_task_crash.py",
    "tests/cli/test_exits.py",
    "tests/store/test_explain_sql.py",
    "tests/worker/test_catching_up.py",
    "tests/docs/test_pages.py",
    "tests/store/test_silence.py",
    "tests/store/test_state_machine.py",
    "tests/worker/test_failover.py",
    "tests/worker/webhooks/test_at_least_once.py",
    "tests/worker/test_wrong_clock.py",
    "tests/cli/test_serve.py",
    "tests/worker/test_signals.py",
    "tests/worker/test_trust.py",
    "tests/deploy/test_deploy.py",
    "tests/worker/test_rollouts.py",
    "tests/worker/test_database_faults.py",
    "tests/worker/test_network.py",
)
"""Those with the longest test first."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """More than there are cores: half of the time a test waits, for a process, for PostgreSQL, or for its moment."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + WAITING_BESIDE_CORES


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    parts = getattr(config, "workerinput", {}).get("workercount", 1)
    if parts > 1:
        items[:] = in_parts(items, parts)


def in_parts(items: Sequence[pytest.Item], parts: int) -> Iterator[pytest.Item]:
    """All of them in equal parts, of which the first half begin with what takes long."""
    files = {item: item.nodeid.partition("::")[0] for item in items}
    long = sorted((item for item in items if files[item] in LONG), key=lambda item: LONG.index(files[item]))
    short = iter([item for item in items if files[item] not in LONG])
    beginnings = (parts + 1) // 2
    done = 0
    for part in range(1, parts + 1):
        beginning = long[part - 1 :: beginnings] if part <= beginnings else []
        yield from beginning
        done += len(beginning)
        rest = list(islice(short, max(0, len(items) * part // parts - done)))
        yield from rest
        done += len(rest)
