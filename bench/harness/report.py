"""A benchmark's result: tables and plots, written as Markdown and SVG and printed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .charts import Chart

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; `notes` say what a reader needs to know of it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """As Markdown, its columns aligned for those who read it as text."""
        texts = [list(self.columns), *(list(row) for row in self.rows)]
        widths = [max(len(text[column]) for text in texts) for column in range(len(self.columns))]
        lines = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
            for row in texts
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        notes = [f"\n{note}" for note in self.notes]
        return "\n".join([f"### {self.title}\n", *lines, *notes])


@dataclass(slots=True)
class Report:
    """What a benchmark found. `figures` are its numbers by name, for programs."""

    title: str
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def write_report(report: Report, name: str, command: str, facts: Mapping[str, str], folder: Path) -> str:
    """Write NAME.md, NAME.json and a NAME-n.svg for each plot into `folder`; the text."""
    folder.mkdir(parents=True, exist_ok=True)
    images: list[str] = []
    for index, chart in enumerate(report.charts, start=1):
        image = f"{name}-{index}.svg"
        (folder / image).write_text(chart.svg(), encoding="utf-8")
        images.append(f"![{chart.title}]({image})")
    known = "\n".join(f"- {what}: {value}" for what, value in facts.items())
    tables = [table.markdown() for table in report.tables]
    text = "\n\n".join([f"## {report.title}", f"`{command}`", known, *tables, *images]) + "\n"
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    whole = {"command": command, **facts, "figures": report.figures}
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return text
