"""The resources: each module holds the handlers of some paths, and the operations that make routes of them."""

from __future__ import annotations

from collections.abc import Sequence

from rowcall.webapi.registry import Operation

from . import (
    actions,
    audit_log,
    backfills,
    bulk,
    executions,
    explain,
    health,
    metrics,
    monitoring,
    preview,
    schedules,
    webhooks,
)

OPERATIONS: Sequence[Operation] = (
    *schedules.OPERATIONS,
    *actions.OPERATIONS,
    *bulk.OPERATIONS,
    *explain.OPERATIONS,
    *executions.OPERATIONS,
    *backfills.OPERATIONS,
    *webhooks.OPERATIONS,
    *preview.OPERATIONS,
    *monitoring.OPERATIONS,
    *audit_log.OPERATIONS,
    *health.OPERATIONS,
    *metrics.OPERATIONS,
)
"""Every operation of the API, in the order of the reference."""
