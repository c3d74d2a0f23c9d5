"""All that can be set from outside: `DATABASE_URL` and the `ROWCALL_*` environment variables, in one typed class."""

from __future__ import annotations

from .environment import SettingDescription
from .model import Settings
from .readers import MOST_DAYS

__all__ = ["MOST_DAYS", "SettingDescription", "Settings"]
