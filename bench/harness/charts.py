"""Plots as SVG, written by hand: bars and lines are all that is needed, and a library for them is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from .figures import number

WIDTH = 760
LABELS = 250
BAR = 26
PLOT_HEIGHT = 300
MARGIN = 60
COLOURS = ("#2f6f9f", "#c1693c", "#4d8f4a", "#8a5a9e", "#777777")
FONT = 'font-family="system-ui, sans-serif" font-size="13"'


@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal bars, in the order given."""

    title: str
    values: Sequence[tuple[str, float]]

    def svg(self) -> str:
        """The plot."""
        height = 50 + BAR * len(self.values)
        largest = max((value for _, value in self.values), default=0) or 1.0
        parts = [_text(10, 24, self.title, weight="600")]
        for index, (label, value) in enumerate(self.values):
            y = 40 + BAR * index
            width = (WIDTH - LABELS - 110) * value / largest
            parts += [
                _text(LABELS - 8, y + 16, label, anchor="end"),
                f'<rect x="{LABELS}" y="{y + 3}" width="{width:.1f}" height="{BAR - 8}" fill="{COLOURS[0]}"/>',
                _text(LABELS + width + 6, y + 16, number(value)),
            ]
        return _whole(height, parts)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines over a common axis, which begins at 0 as the other one does."""

    title: str
    across: str
    up: str
    series: Mapping[str, Sequence[tuple[float, float]]]

    def svg(self) -> str:
        """The plot."""
        points = [point for line in self.series.values() for point in line]
        right = max((x for x, _ in points), default=0) or 1.0
        top = max((y for _, y in points), default=0) or 1.0
        base = 50 + PLOT_HEIGHT
        parts = [_text(10, 24, self.title, weight="600"), *_axes(base, right, top, self.across, self.up)]
        for index, (name, line) in enumerate(self.series.items()):
            colour = COLOURS[index % len(COLOURS)]
            path = " ".join(
                f"{MARGIN + (WIDTH - 2 * MARGIN) * x / right:.1f},{base - PLOT_HEIGHT * y / top:.1f}" for x, y in line
            )
            parts += [
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
                _text(MARGIN + 10, 66 + 18 * index, name, colour=colour),
            ]
        return _whole(base + 50, parts)


Chart = Bars | Lines


def _axes(base: int, right: float, top: float, across: str, up: str) -> list[str]:
    end = WIDTH - MARGIN
    return [
        f'<path d="M{MARGIN} 50V{base}H{end}" fill="none" stroke="#999"/>',
        _text(MARGIN - 6, 55, number(top), anchor="end"),
        _text(MARGIN - 6, base, "0", anchor="end"),
        _text(end, base + 18, number(right), anchor="end"),
        _text((MARGIN + end) / 2, base + 36, across, anchor="middle"),
        _text(MARGIN, 44, up),
    ]


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "400", colour: str = "#222") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}" {FONT}>'
        f"{escape(words)}</text>"
    )


def _whole(height: int, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )
