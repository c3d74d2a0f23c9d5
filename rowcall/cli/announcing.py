"""What ``rowcall serve`` tells when it is ready: where to look, and what to type next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rowcall.app import App

from .access import Place
from .psql import psql_command


@dataclass(frozen=True, slots=True)
class Keys:
    """Whether requests from this machine need a key, and the file of the one for administrators, if there is one."""

    needed: bool = False
    file: Path | None = None

    @property
    def option(self) -> str:
        """What curl must be told; the key itself is never printed."""
        if not self.needed:
            return ""
        shown = "rowcall_…" if self.file is None else f"$(cat {shlex.quote(str(self.file))})"
        return f' -H "X-API-Key: {shown}"'


def greeting(version: str, url: str, place: Place, server_version: str, apps: Sequence[App], keys: Keys) -> str:
    """The text, several lines."""
    where = f"embedded, in {place.embedded.data_dir}" if place.embedded else "named by DATABASE_URL"
    return f"""Rowcall {version} is running. Ctrl-C stops it; what runs may finish first.

  API        {url}/v1/schedules
  OpenAPI    {url}/openapi.json
  database   PostgreSQL {server_version}, {where}
             {psql_command(place.embedded)}{_place_of(keys)}

  Create the next schedule:

  {curl_command(url, apps, keys)}
"""


def _place_of(keys: Keys) -> str:
    return "" if keys.file is None else f"\n  admin key  {keys.file}"


def curl_command(url: str, apps: Sequence[App], keys: Keys) -> str:
    """A line for a shell that creates a schedule which this process can run, every minute."""
    body = {"cron_expression": "* * * * *", **_work(apps)}
    return f"curl -sS {url}/v1/schedules{keys.option} -H 'Content-Type: application/json' -d '{json.dumps(body)}'"


def _work(apps: Sequence[App]) -> dict[str, object]:
    """The first task there is; without one, the built-in that calls a URL."""
    own = next((task_type for app in apps for task_type in app.tasks), None)
    return {"task_type": own} if own else {"task_type": "http", "input_data": {"url": "https://example.com/"}}
