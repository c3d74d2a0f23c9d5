"""The environment, and the folder of the embedded server."""

from __future__ import annotations

import os
import stat
from dataclasses import fields

from rowcall.settings import Settings

from .findings import Finding


def look_at_settings(settings: Settings) -> Finding:
    """The settings could be read; which of them are not at their defaults. Values are not told: some are secret."""
    usual = Settings()
    changed = [field.name for field in fields(Settings) if getattr(settings, field.name) != getattr(usual, field.name)]
    return Finding.ok("settings", f"changed: {', '.join(changed)}" if changed else "all at their defaults")


def look_at_folder(settings: Settings) -> tuple[Finding, bool]:
    """The embedded server's folder is ours and closed to others; and whether it is there at all."""
    folder = settings.data_folder
    try:
        facts = folder.stat()
    except FileNotFoundError:
        to_do = "nothing: `rowcall serve` makes it; or name a server in DATABASE_URL"
        return Finding.warn("data folder", f"{folder} is not there yet", to_do), False
    except PermissionError as fault:
        return Finding.fail("data folder", f"{folder}: {fault.strerror}", "run as the account that owns it"), False
    if facts.st_uid != os.geteuid():
        found = f"{folder} belongs to account {facts.st_uid}, this is account {os.geteuid()}"
        return Finding.fail("data folder", found, "run as the account that owns it, or set ROWCALL_DATA_DIR"), False
    mode = stat.S_IMODE(facts.st_mode)
    if mode & 0o067:  # root lets the account of the server pass through: 0710
        return Finding.fail("data folder", f"{folder} is open to others ({mode:o})", f"chmod 700 {folder}"), True
    return Finding.ok("data folder", f"{folder}, {mode:o}"), True
