"""The API: JSON under /v1, problem details for every error, OpenAPI 3.1 at /openapi.json.

application.py   create_app: routes, middleware, error handlers
registry.py      operations as data: what validates a request also describes it
bodies.py        strict JSON: type, size, depth, duplicates
queries.py       query strings into models
problems.py      RFC 9457, and the one table from errors to statuses
gate.py          keys, and what their bearers may
limits.py        how many requests a key may send
hosts.py         which Host and Origin may ask
pages.py         keyset cursors
views.py         what is shown
once.py          Idempotency-Key
openapi.py       the document; described.py its answers, examples.py what they show
reference.py     the document as a page
resources/       the handlers, a module for each group of paths
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .application import create_app
    from .hosts import is_loopback

_HOMES = {"create_app": "application", "is_loopback": "hosts"}

__all__ = ["create_app", "is_loopback"]


def __getattr__(name: str) -> object:
    """Import what is asked for, and no more: the command line shows what REST shows, and needs no server for that."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
