"""Processes on a host whose clock is wrong.

A shim, which Python imports at its start (shim/sitecustomize.py), makes the wall clock wrong and leaves spans true, as
on a host whose clock is set wrong. libfaketime would deceive what is not written in Python, too; but with it time.sleep
and event loops fail, and what is not written in Python asks for no time here.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHIM = Path(__file__).parent / "shim"
VARIABLE = "ROWCALL_TEST_CLOCK_SHIFT_SECONDS"

on_wrong_clocks = pytest.mark.parametrize("shift", [-3600, 3600], ids=["an hour behind", "an hour ahead"])
"""Runs a test on each wrong clock: `shift` is by how many seconds it is off."""


def environment_of(shift: int) -> dict[str, str]:
    """What makes the clock of a Python process wrong."""
    paths = [str(SHIM), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {VARIABLE: str(shift), "PYTHONPATH": os.pathsep.join(paths)}
