"""procrastinate: one-off jobs with the same run-at; finished jobs and their events stay, as its history."""

# mypy: disable-error-code="import-not-found, untyped-decorator"
# The library is installed in the peers' own environment only.

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from bench.peer_programs import common

CONCURRENCY = 20
POLL_SECONDS = 0.2
CHUNK = 1_000


def fill(count: int, due: datetime) -> None:
    """Install the schema, and defer."""
    asyncio.run(_fill(count, due))


async def _fill(count: int, due: datetime) -> None:
    app, noop = _app(noted=False)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for first in range(0, count, CHUNK):
            jobs: list[dict[str, Any]] = [{} for _ in range(min(CHUNK, count - first))]
            await noop.configure(schedule_at=due).batch_defer_async(*jobs)


def work() -> None:
    """Run them until told to stop."""
    asyncio.run(_work())


async def _work() -> None:
    app, _ = _app(noted=True)
    async with app.open_async():
        common.say_ready()
        await app.run_worker_async(
            concurrency=CONCURRENCY,
            fetch_job_polling_interval=POLL_SECONDS,
            listen_notify=True,
            delete_jobs="never",
        )


def _app(*, noted: bool) -> tuple[Any, Any]:
    import procrastinate

    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=common.dsn()))
    notes = common.samples() if noted else None

    @app.task(name="noop")
    async def noop() -> None:
        if notes is not None:
            notes.note(0.0)

    return app, noop


if __name__ == "__main__":
    common.main(fill, work)
