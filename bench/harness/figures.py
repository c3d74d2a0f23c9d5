"""Quantiles, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed: one that occurred, nothing in between. NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return quantile(values, 0.5)


def number(value: float, digits: int = 3) -> str:
    """With about so many significant digits, and thousands apart: 31,214 · 12.5 · 0.0042."""
    if math.isnan(value):
        return "–"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(decimals, 6)}f}"


def milliseconds(seconds: float) -> str:
    """As milliseconds, with the unit."""
    return f"{number(seconds * 1e3)} ms"


def microseconds(seconds: float) -> str:
    """As microseconds, with the unit."""
    return f"{number(seconds * 1e6)} µs"


def ratio(value: float, reference: float) -> str:
    """How many times the reference; of no reference, nothing."""
    return f"{value / reference:.2f}" if reference else "–"


def mebibytes(count: float) -> str:
    """Bytes as MiB, with the unit."""
    return f"{number(count / 2**20)} MiB"
