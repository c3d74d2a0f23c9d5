"""What a program tells Rowcall: its tasks, their static schedules, and what a task gets when it runs.

    app = rowcall.App("billing")

    @app.schedule(cron="0 9 * * *", timezone="Europe/London")
    @app.task("daily-report", capability="report-v1", timeout=600)
    async def daily_report(run: rowcall.Run) -> dict[str, object]: ...

A pure registry: nothing here knows a database, a clock or an event loop.
"""

from __future__ import annotations

from .cancellation import Cancellation, RunCancelled
from .loading import load_app
from .registry import App
from .retrying import DoNotRetry
from .run import Run, current_run
from .schedules import StaticSchedule
from .tasks import Isolation, TaskDefinition

__all__ = [
    "App",
    "Cancellation",
    "DoNotRetry",
    "Isolation",
    "Run",
    "RunCancelled",
    "StaticSchedule",
    "TaskDefinition",
    "current_run",
    "load_app",
]
