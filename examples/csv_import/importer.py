"""Imports the CSV files of a folder into a table of PostgreSQL, each file once, however often the task runs.

    DATABASE_URL=postgresql://… rowcall serve --app importer:app

A schedule's input_data says what to import: {"project": "shop", "folder": "inbox/orders", "table": "orders"}, and what
is other than usual about it: {"delimiter": ";"}. The first line of a file names columns of the table; PostgreSQL itself
reads the rest, so that types and constraints are judged where they are declared.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from files import CsvFile, csv_files

import rowcall

ROOT = Path(os.environ.get("CSV_IMPORT_ROOT", Path(__file__).parent)).resolve()
EVERY_SECONDS = int(os.environ.get("CSV_IMPORT_EVERY_SECONDS", "300"))

app = rowcall.App("csv-import")


@dataclass(frozen=True)
class Order:
    """What a schedule asks for. `folder` lies below CSV_IMPORT_ROOT, `table` in the schema csv_import."""

    project: str
    folder: Path
    table: str
    delimiter: str

    @classmethod
    def of(cls, input_data: dict[str, str]) -> Order:
        """Read a run's input_data. Raises ValueError for a folder elsewhere: schedules come from outside."""
        folder = (ROOT / input_data["folder"]).resolve()
        if not folder.is_relative_to(ROOT):
            raise ValueError(f"the folder {input_data['folder']!r} is not below {ROOT}")
        return cls(input_data["project"], folder, input_data["table"], input_data.get("delimiter", ","))


@app.schedule(
    name="import-orders",
    interval=EVERY_SECONDS,
    input_data={"project": "shop", "folder": "inbox/orders", "table": "orders"},
    labels={"project": "shop"},
)
@app.task("import-csv", isolation="process", timeout=600)
async def import_csv(run: rowcall.Run) -> dict[str, object]:
    """Imports the files of a folder that were not imported yet."""
    order = Order.of(run.input_data)
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        return await _import_all(connection, order, run)
    finally:
        await connection.close()


async def _import_all(
    connection: asyncpg.Connection[asyncpg.Record], order: Order, run: rowcall.Run
) -> dict[str, object]:
    """Import one file after the other. A file that can't be read stops no other; the run fails after all were tried."""
    imported: dict[str, int] = {}
    faults: list[str] = []
    for file in csv_files(order.folder, order.delimiter):
        run.raise_if_cancelled()  # between two files is a good place to stop
        try:
            rows = await _import_once(connection, order, file, run)
        except asyncpg.PostgresError as fault:
            faults.append(f"{file.name}: {fault}")
            continue
        if rows is not None:
            imported[file.name] = rows
    if faults:
        raise ValueError("; ".join(faults))
    return {"imported": imported, "rows": sum(imported.values())}


async def _import_once(
    connection: asyncpg.Connection[asyncpg.Record], order: Order, file: CsvFile, run: rowcall.Run
) -> int | None:
    """The number of rows imported, or None if this content was imported before.

    The mark and the rows are one transaction: a crash leaves both or neither. The mark comes first: of two runs at
    the same time the second waits there, and then finds the file done.
    """
    async with connection.transaction():
        marked = await connection.fetchval(
            "INSERT INTO csv_import.files (project, table_name, sha256, file, execution_id, scheduled_for)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING true",
            order.project, order.table, file.sha256, file.name, run.execution_id, run.scheduled_for,
        )  # fmt: skip
        if not marked:
            return None
        told = await connection.copy_to_table(
            order.table, schema_name="csv_import", columns=file.columns, source=file.path,
            format="csv", header=True, delimiter=order.delimiter,
        )  # fmt: skip
    return int(told.removeprefix("COPY "))
