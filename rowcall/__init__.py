"""Rowcall: recurring work as rows in PostgreSQL, every occurrence answered for exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .app import App, DoNotRetry, Run, RunCancelled, current_run
from .domain.errors import (
    Conflict,
    Fault,
    Forbidden,
    InvalidInput,
    LeaseLost,
    NotFound,
    RowcallError,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from .client import AsyncClient, Client

    __version__: str

__all__ = [
    "App",
    "AsyncClient",
    "Client",
    "Conflict",
    "DoNotRetry",
    "Fault",
    "Forbidden",
    "InvalidInput",
    "LeaseLost",
    "NotFound",
    "RowcallError",
    "Run",
    "RunCancelled",
    "StoreUnavailable",
    "__version__",
    "current_run",
]


def __getattr__(name: str) -> object:
    """Answer for what is read or imported only when somebody asks: workers need no client, nor the metadata."""
    if name == "__version__":
        from importlib.metadata import version

        return version("rowcall")
    if name in {"AsyncClient", "Client"}:
        from . import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
