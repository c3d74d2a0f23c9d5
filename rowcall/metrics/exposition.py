"""Tallies and rows of the database as the text that Prometheus reads. Names are a contract: docs/monitoring.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from .tallies import Tallies


class Columns(Protocol):
    """A row: its columns by name."""

    def __getitem__(self, column: str, /) -> Any: ...


STATES = ("running", "queued", "to_be_retried", "waiting")
STATUSES = ("active", "paused", "completed", "invalid")
NEVER_ANSWERED = dict.fromkeys(("run", "missed", "skipped"), 0)
NEVER_DELIVERED = dict.fromkeys(("delivered", "failed", "dead"), 0)
"""What has never happened is told as 0: a counter that is first seen at 1 has not risen, for Prometheus."""
GAUGES = {
    "oldest_due_seconds": "For how long the oldest schedule or execution that could run has been due.",
    "due": "Schedules whose next run is due.",
    "unroutable_due": "What is due and no live worker offers.",
    "schedules_unplanned": "ACTIVE schedules that no worker has planned yet.",
    "history_bytes": "The size of the ledger on disk.",
    "history_days_ahead": "For how many days ahead the ledger has a place.",
    "oldest_snapshot_seconds": "For how long the oldest snapshot is held, which keeps dead rows in place.",
    "sessions_waiting_for_locks": "Sessions of this database that wait for a lock.",
}


def exposition(tallies: Tallies, version: str, standing: Columns | None, schedules: Sequence[Columns] | None) -> bytes:
    """The text. `standing` is the row of v_metrics, None: the database is away; `schedules` None: too many to list."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(
        _Figures([*_of_process(tallies), *_of_database(version, standing), *_of_schedules(schedules or ())])
    )
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def _of_process(tallies: Tallies) -> Iterator[Metric]:
    occurrences = CounterMetricFamily(
        "rowcall_occurrences", "Occurrences that this process answered for.", labels=["outcome"]
    )
    for outcome, count in {**NEVER_ANSWERED, **tallies.occurrences}.items():
        occurrences.add_metric([outcome], count)
    yield occurrences
    executions = CounterMetricFamily(
        "rowcall_executions", "Attempts that ended in this process.", labels=["task", "result"]
    )
    for labels, count in tallies.executions.items():
        executions.add_metric(labels, count)
    yield executions
    durations = HistogramMetricFamily(
        "rowcall_execution_duration_seconds", "How long attempts took.", labels=["task", "result"]
    )
    for labels, histogram in tallies.durations.items():
        durations.add_metric(labels, histogram.cumulative(), histogram.sum)
    yield durations
    lag = HistogramMetricFamily(
        "rowcall_occurrence_lag_seconds", "From the occurrence to the start of its first attempt."
    )
    lag.add_metric([], tallies.lag.cumulative(), tallies.lag.sum)
    yield lag
    yield CounterMetricFamily(
        "rowcall_stale_writes_rejected", "Results refused because the execution was given to another.",
        value=tallies.stale_results,
    )  # fmt: skip
    yield CounterMetricFamily(
        "rowcall_lease_lost", "Times that this process lost its lease.", value=tallies.leases_lost
    )
    webhooks = CounterMetricFamily("rowcall_webhook_deliveries", "Tries to deliver webhooks.", labels=["result"])
    for result, count in {**NEVER_DELIVERED, **tallies.webhooks}.items():
        webhooks.add_metric([result], count)
    yield webhooks


def _of_database(version: str, standing: Columns | None) -> Iterator[Metric]:
    yield GaugeMetricFamily("rowcall_database_up", "Whether the database answered.", value=standing is not None)
    build = GaugeMetricFamily("rowcall_build_info", "Versions.", labels=["version", "schema_version", "postgres"])
    known = ("", "") if standing is None else (standing["schema_version"] or "", standing["postgres"])
    build.add_metric([version, *known], 1)
    yield build
    if standing is None:
        return
    # Not rowcall_executions: that name is the counter's, and one name means one thing.
    yield _by_label("rowcall_open_executions", "Executions that are not final.", "state", STATES, standing)
    yield _by_label("rowcall_schedules", "Schedules, deleted ones aside.", "status", STATUSES, standing, "schedules_")
    yield _by_label(
        "rowcall_workers", "Workers; silent ones have lost their lease.", "state", ("running", "draining", "silent"),
        standing, "workers_",
    )  # fmt: skip
    slots = GaugeMetricFamily("rowcall_worker_slots", "Slots of the workers that take work.", labels=["kind"])
    slots.add_metric(["all"], standing["slots"])
    slots.add_metric(["free"], standing["free_slots"])
    yield slots
    for column, text in GAUGES.items():
        yield GaugeMetricFamily(f"rowcall_{column}", text, value=standing[column])


def _by_label(
    name: str, text: str, label: str, values: Sequence[str], standing: Columns, prefix: str = ""
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value in values:
        family.add_metric([value], standing[f"{prefix}{value}"])
    return family


def _of_schedules(schedules: Sequence[Columns]) -> Iterator[Metric]:
    names = ["client", "schedule"]
    info = GaugeMetricFamily(
        "rowcall_schedule_info", "The rule.", labels=[*names, "rule", "timezone", "overlap_policy"]
    )
    paused = GaugeMetricFamily("rowcall_schedule_paused", "Whether it is paused.", labels=names)
    following = GaugeMetricFamily("rowcall_schedule_next_run_timestamp_seconds", "When it runs next.", labels=names)
    success = GaugeMetricFamily(
        "rowcall_schedule_last_success_timestamp_seconds",
        "When one of its latest hundred executions last succeeded.",
        labels=names,
    )
    for row in schedules:
        labels = [row["client_id"], row["name"]]
        info.add_metric([*labels, row["rule"], row["timezone"], row["overlap_policy"]], 1)
        paused.add_metric(labels, row["status"] == "PAUSED")
        if row["next_run_at"] is not None:
            following.add_metric(labels, row["next_run_at"].timestamp())
        if row["last_success_at"] is not None:
            success.add_metric(labels, row["last_success_at"].timestamp())
    yield from (info, paused, following, success)
