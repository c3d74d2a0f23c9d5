"""APScheduler 3: persisted recurring schedules. It keeps no history, and allows one process on a store."""

# mypy: disable-error-code="import-not-found"
# The library is installed in the peers' own environment only.

from __future__ import annotations

import signal
import threading
from datetime import datetime
from functools import cache
from typing import Any

from bench.harness.samples import Samples
from bench.peer_programs import common

THREADS = 20
_lock = threading.Lock()
_samples = cache(common.samples)


def noop() -> None:
    """The job. Twenty threads share the notes."""
    notes: Samples = _samples()
    with _lock:
        notes.note(0.0)


def fill(count: int, due: datetime) -> None:
    """Schedules that fire daily, all due at one instant."""
    from apscheduler.triggers.cron import CronTrigger

    from bench.peer_programs.aps3 import noop as importable

    scheduler = _scheduler()
    scheduler.start(paused=True)
    for number in range(count):
        scheduler.add_job(
            importable,
            CronTrigger(hour=due.hour, minute=due.minute, timezone="UTC"),
            id=f"bench-{number}",
            next_run_time=due,
        )
    scheduler.shutdown()


def work() -> None:
    """Run them until told to stop."""
    _samples()
    scheduler = _scheduler()
    scheduler.start()
    common.say_ready()
    signal.sigwait({signal.SIGTERM})
    scheduler.shutdown(wait=False)


def _scheduler() -> Any:
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    url = common.dsn().replace("postgresql://", "postgresql+psycopg://")
    return BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(url=url)},
        executors={"default": ThreadPoolExecutor(THREADS)},
        job_defaults={"coalesce": True, "misfire_grace_time": None},
        timezone="UTC",
    )


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    common.main(fill, work)
