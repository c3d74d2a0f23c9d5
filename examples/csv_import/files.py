"""The CSV files of a folder: their names, their columns, and a hash of their content to know them by."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CsvFile:
    """A file to import. The same content under another name has the same `sha256`."""

    path: Path
    columns: list[str]
    sha256: str

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.name


def csv_files(folder: Path, delimiter: str = ",") -> Iterator[CsvFile]:
    """All *.csv of a folder, by name. Raises FileNotFoundError where there is no such folder."""
    for path in sorted(entry for entry in folder.iterdir() if entry.suffix == ".csv"):
        with path.open(newline="", encoding="utf-8-sig") as file:
            columns = next(csv.reader(file, delimiter=delimiter), [])
        with path.open("rb") as file:
            yield CsvFile(path, columns, hashlib.file_digest(file, "sha256").hexdigest())
