"""The task of a worker process: ``rowcall worker --app tests.cli.reports:app``."""

import rowcall

app = rowcall.App("reports")


@app.task("report")
async def report() -> None:
    """Is done at once."""
