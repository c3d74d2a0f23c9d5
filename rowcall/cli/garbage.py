"""The garbage collector, told what is none, and how seldom to look.

Starting makes 60,000 objects that stay. Looking for garbage among them takes an eighth of the time that a start takes,
and later stops the event loop for 30 ms each time that all of them are looked through. What runs and requests leave
behind is freed without the collector, but for rare cycles; at Python's own pace it looks at all that is alive after
each few dozen runs.
"""

from __future__ import annotations

import gc

_STARTING = 50_000
SERVING = (100_000, 20, 50)


def seldom_while_starting() -> None:
    """Look seldom: what is imported stays."""
    gc.set_threshold(_STARTING)


def seldom_from_here_on() -> None:
    """Leave alone all that is there, and look seldom for garbage among what comes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SERVING)
