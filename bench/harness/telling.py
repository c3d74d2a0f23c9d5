"""What a benchmark says while it runs: a line of progress on the terminal, and lines of text elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Teller:
    """Tells on standard error; standard output is for results."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Show progress meanwhile."""
        with self._progress:
            yield

    @contextmanager
    def step(self, what: str, total: float | None = None) -> Iterator[Step]:
        """One step, from now until the block ends; with a `total` its share can be told."""
        task = self._progress.add_task(what, total=total)
        if not self._console.is_terminal:
            self._console.print(f"  {what} …", highlight=False)
        try:
            yield Step(self._progress, task)
        finally:
            self._progress.remove_task(task)

    def say(self, what: str) -> None:
        """A line that stays."""
        self._console.print(what, highlight=False, markup=False)


class Step:
    """A step under way."""

    def __init__(self, progress: Progress, task: int) -> None:
        self._progress = progress
        self._task = task

    def reached(self, value: float) -> None:
        """So much of the total is done."""
        self._progress.update(self._task, completed=value)  # type: ignore[arg-type]
