"""How one attempt of a run is carried out: on the event loop, in a thread, or in a child process."""

from __future__ import annotations

from .runner import Runner

__all__ = ["Runner"]
