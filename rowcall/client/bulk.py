"""Calls that do the same to many schedules: either to those of some names, or to those that carry some labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rowcall.wire.bulk import BulkAnswer

from .calls import Call, reader

Names = Sequence[str] | None
Labels = Mapping[str, str] | None


def pause(
    *,
    names: Names = None,
    labels: Labels = None,
    reason: str | None = None,
    dry_run: bool = False,
    client_id: str | None = None,
) -> Call[BulkAnswer]:
    """Pause them. With `dry_run` nothing is done, and told what would be."""
    return _act("pause", names, labels, client_id, dry_run=dry_run, reason=reason)


def resume(
    *, names: Names = None, labels: Labels = None, dry_run: bool = False, client_id: str | None = None
) -> Call[BulkAnswer]:
    """Let them go on with their next occurrences after now."""
    return _act("resume", names, labels, client_id, dry_run=dry_run)


def delete(
    *, names: Names = None, labels: Labels = None, dry_run: bool = False, client_id: str | None = None
) -> Call[BulkAnswer]:
    """Delete them: their history stays, what is queued of them is cancelled."""
    return _act("delete", names, labels, client_id, dry_run=dry_run)


def execute(
    *, names: Names = None, labels: Labels = None, dry_run: bool = False, client_id: str | None = None
) -> Call[BulkAnswer]:
    """Run them now; their next runs stay when they are."""
    return _act("execute", names, labels, client_id, dry_run=dry_run)


def _act(action: str, names: Names, labels: Labels, client_id: str | None, **more: Any) -> Call[BulkAnswer]:
    meant = {"names": None if names is None else list(names), "labels": labels, "client_id": client_id, **more}
    body = {name: value for name, value in meant.items() if value is not None}
    return Call(method="POST", path=f"/v1/bulk/{action}", body=body, read=reader(BulkAnswer))
