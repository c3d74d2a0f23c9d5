"""Schedules as the text of a file that ``rowcall apply`` reads as just these schedules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import yaml

from rowcall.domain.definitions import Defaults
from rowcall.domain.documents import as_kept
from rowcall.store.schedules import DEFINING_COLUMNS, ScheduleRow

from .yaml_text import plain_value

WIDTH = 110
FIRST = ("name", "client_id", "description", "task_type", "capability_required", "cron_expression", "cron_fields")
ORDER = (*FIRST, *(column for column in DEFINING_COLUMNS if column not in FIRST and column != "schedule_type"))
USUAL: Mapping[str, Any] = {"client_id": "default", "input_data": {}, "labels": {}}


class _Dumper(yaml.SafeDumper):
    """Quotes what would be read as something other than text, and repeats rather than refers."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - named so by PyYAML
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Lists stand below their name, indented."""
        super().increase_indent(flow, indentless=False)


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(plain_value(text), str) and text != "<<" else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else style)


_Dumper.add_representer(str, _write_text)


def entry_of(schedule: ScheduleRow, defaults: Defaults, *, full: bool) -> dict[str, Any]:
    """The fields that declare a schedule. What is as it is by default is left out, unless `full`."""
    usual = {**USUAL, **{field.name: getattr(defaults, field.name) for field in fields(Defaults)}}
    values = {column: _plain(schedule[column]) for column in ORDER}
    return {
        column: value
        for column, value in values.items()
        if value is not None and (full or column not in usual or value != usual[column])
    }


def yaml_of(document: Mapping[str, Any], remarks: Iterable[str]) -> str:
    """A document as YAML, below remarks."""
    text = yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return "".join(f"# {remark}\n" if remark else "#\n" for remark in remarks) + text.rstrip("\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return as_kept(value)
