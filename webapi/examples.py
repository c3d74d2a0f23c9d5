"""One example for every model that goes over the wire, for the reference; tests hold them against the models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from rowcall.domain.fields import ScheduleFields
from rowcall.wire.audit_log import AuditEntryView, AuditLog
from rowcall.wire.backfills import Backfill, BackfillList, BackfillView, DryRun
from rowcall.wire.base import NoFields
from rowcall.wire.bulk import Bulk, BulkAnswer, BulkPause
from rowcall.wire.executions import Execute, ExecutionList, ExecutionView
from rowcall.wire.explaining import ExplanationView
from rowcall.wire.monitoring import Health, StatsView, TaskList, WorkerList
from rowcall.wire.previewing import Preview, PreviewFields
from rowcall.wire.schedules import Pause, ScheduleCreation, ScheduleList, ScheduleView, Upcoming
from rowcall.wire.webhooks import DeliveryList, DeliveryView

from .webhook_events import EXAMPLE as EVENT

Examples = Mapping[str, Mapping[str, Any]]

BODIES: Mapping[type[BaseModel], Examples] = {
    ScheduleCreation: {
        "cron": {
            "name": "nightly-report", "task_type": "http", "cron_expression": "0 9 * * MON-FRI",
            "timezone": "Europe/London", "labels": {"team": "reports"}, "allow_unknown_task": True,
            "input_data": {"url": "https://reports.example.com/run", "method": "POST"},
        },
        "interval": {"task_type": "http", "hours": 6, "input_data": {"url": "https://example.com/"},
                     "allow_unknown_task": True},
        "one_time": {"task_type": "http", "scheduled_time": "2099-01-31T09:00:00Z", "allow_unknown_task": True,
                     "input_data": {"url": "https://example.com/"}},
    },
    ScheduleFields: {"change": {"interval_seconds": 3600, "priority": 8}},
    Pause: {"pause": {"reason": "the receiver is being moved"}},
    Execute: {"as_it_is": {}, "other_input": {"input_data": {"month": "2030-01"}, "wait": True}},
    Backfill: {
        "try_out": {"since": "2030-01-01T00:00:00Z", "until": "2030-02-01T00:00:00Z", "dry_run": True},
        "run": {"since": "2030-01-01T00:00:00Z", "until": "2030-02-01T00:00:00Z", "rate_per_minute": 60,
                "max_concurrent": 2, "reason": "the figures of January were wrong"},
    },
    PreviewFields: {
        "cron": {"cron_expression": "0 9 * * 5#2", "timezone": "Europe/London", "count": 2},
        "interval": {"minutes": 90, "starts_at": "2030-01-31T00:00:00Z"},
    },
    Bulk: {"by_labels": {"labels": {"team": "reports"}, "dry_run": True}, "by_names": {"names": ["nightly-report"]}},
    BulkPause: {"by_labels": {"labels": {"team": "reports"}, "reason": "the receiver is being moved"}},
    NoFields: {"nothing": {}},
}  # fmt: skip
"""What can be sent, by the model of the body."""

_SCHEDULE = {
    "schedule_id": 7, "client_id": "default", "name": "nightly-report", "description": None, "task_type": "http",
    "capability_required": None, "input_data": {"url": "https://reports.example.com/run", "method": "POST"},
    "priority": 5, "labels": {"team": "reports"}, "schedule_type": "cron", "cron_expression": "0 9 * * MON-FRI",
    "cron_fields": None, "interval_seconds": None, "scheduled_time": None, "timezone": "Europe/London",
    "trigger_description": "At 09:00, Monday to Friday, Europe/London time", "starts_at": None, "ends_at": None,
    "jitter_seconds": 0, "status": "ACTIVE", "status_reason": None, "next_occurrence_at": "2030-02-01T09:00:00Z",
    "next_run_at": "2030-02-01T09:00:00Z", "last_run_at": "2030-01-31T09:00:00.002731Z", "last_execution_id": 812,
    "last_status": "SUCCEEDED", "total_runs": 23, "successful_runs": 22, "failed_runs": 1, "max_executions": None,
    "grace_period_seconds": 900, "coalesce": "latest", "catch_up_limit": 100, "overlap_policy": "skip",
    "max_instances": 1, "timeout_seconds": 3600.0, "max_retries": 3, "retry_backoff_seconds": 10.0,
    "callback_url": None, "callback_events": None, "is_static": False, "source": "api",
    "created_at": "2030-01-01T12:00:00.417Z", "updated_at": "2030-01-31T09:00:04.120Z", "disabled_at": None,
    "version": 2,
}  # fmt: skip
_EXECUTION = {
    "execution_id": 812, "schedule_id": 7, "schedule_version": 2, "trigger": "schedule",
    "scheduled_for": "2030-01-31T09:00:00Z", "covers_after": "2030-01-30T09:00:00Z", "task_type": "http",
    "capability_required": None, "priority": 5,
    "input_data": {"url": "https://reports.example.com/run", "method": "POST"}, "status": "SUCCEEDED", "attempt": 1,
    "fence": 1, "worker_id": 3, "cancel_requested_at": None, "executed_at": "2030-01-31T09:00:00.002731Z",
    "finished_at": "2030-01-31T09:00:00.281302Z", "duration_seconds": 0.278, "result_data": {"status": 200},
    "error_message": None, "errors": None, "reason": None, "backfill_id": None, "available_at": None,
    "created_at": "2030-01-31T09:00:00.001904Z",
}  # fmt: skip
_BACKFILL = {
    "backfill_id": 4, "schedule_id": 7, "schedule_name": "nightly-report", "since": "2030-01-01T00:00:00Z",
    "until": "2030-02-01T00:00:00Z", "rate_per_minute": 60, "max_concurrent": 2, "status": "RUNNING",
    "status_reason": None, "requested_by": "key ab12cd34 (ci)", "reason": "the figures of January were wrong",
    "total": 23, "already_answered": 20, "enqueued": 2, "succeeded": 1, "failed": 0, "cancelled": 0, "open": 1,
    "created_at": "2030-02-03T10:00:00Z", "last_fed_at": "2030-02-03T10:00:01Z", "finished_at": None,
}  # fmt: skip
_DELIVERY = {
    "delivery_id": 31, "webhook_id": "msg_9f2c41aa07be_31", "schedule_id": 7, "execution_id": 812,
    "client_id": "default", "event": "FAILED", "target": "https://hooks.example.com", "status": "PENDING",
    "status_reason": None, "attempt": 1, "next_attempt_at": "2030-01-31T09:00:08Z",
    "history": [{"attempt": 1, "at": "2030-01-31T09:00:03Z", "status": 503, "error": "answered 503",
                 "seconds": 0.2}],
    "payload": EVENT, "created_at": "2030-01-31T09:00:02.481302Z", "finished_at": None,
}  # fmt: skip
_CHANGE = {
    "entry_id": 99, "changed_at": "2030-01-31T08:00:00Z", "who": "key ab12cd34 (ci)", "database_role": "rowcall",
    "action": "schedule.changed", "subject": "7", "schedule_id": 7, "client_id": "default",
    "before": {"priority": 5, "version": 1}, "after": {"priority": 8, "version": 2},
}  # fmt: skip

ANSWERS: Mapping[type[BaseModel], Mapping[str, Any]] = {
    ScheduleView: _SCHEDULE,
    ScheduleList: {"schedules": [_SCHEDULE], "next_cursor": None},
    ExecutionView: _EXECUTION,
    ExecutionList: {"executions": [_EXECUTION], "next_cursor": "812"},
    Upcoming: {"schedule_id": 7, "status": "ACTIVE", "timezone": "Europe/London",
               "upcoming": ["2030-02-01T09:00:00Z", "2030-02-04T09:00:00Z"]},
    ExplanationView: {
        "schedule_id": 7, "name": "nightly-report", "at": None, "code": "waiting",
        "sentence": "It waits for its next run, on 2030-02-01 09:00:00 UTC.",
        "facts": {
            "now": "2030-01-31T10:00:00Z", "status": "ACTIVE", "status_reason": None,
            "status_since": "2030-01-01T12:00:00Z", "next_run_at": "2030-02-01T09:00:00Z", "route": "http",
            "live_workers": 2, "offering_workers": 2, "free_slots": 200, "open_executions": [],
            "is_occurrence": None, "occurrence_before": None, "occurrence_after": None, "status_then": None,
            "answered_by": None,
        },
    },
    BulkAnswer: {
        "action": "pause", "dry_run": False, "done": 1, "unchanged": 0, "refused": 1,
        "schedules": [
            {"schedule_id": 7, "client_id": "default", "name": "nightly-report", "outcome": "done",
             "detail": "the receiver is being moved (by key ab12cd34)", "execution_id": None},
            {"schedule_id": 9, "client_id": "default", "name": "once", "outcome": "refused",
             "detail": "schedule 'once' is COMPLETED: it has no occurrences to pause", "execution_id": None},
        ],
    },
    BackfillView: _BACKFILL,
    BackfillList: {"backfills": [_BACKFILL], "next_cursor": None},
    DryRun: {"schedule_id": 7, "since": "2030-01-01T00:00:00Z", "until": "2030-02-01T00:00:00Z", "total": 23,
             "first": "2030-01-01T09:00:00Z", "last": "2030-01-31T09:00:00Z", "already_answered": 20},
    DeliveryView: _DELIVERY,
    DeliveryList: {"webhooks": [_DELIVERY], "next_cursor": None},
    Preview: {"description": "At 09:00, on the second Friday of the month, Europe/London time",
              "timezone": "Europe/London", "upcoming": ["2030-02-08T09:00:00Z", "2030-03-08T09:00:00Z"]},
    TaskList: {"tasks": [{
        "task_type": "http", "app": None, "description": "Calls a URL.", "capabilities": [], "isolation": "async",
        "timeout_seconds": None, "first_offered_at": "2030-01-01T12:00:00Z",
        "last_offered_at": "2030-01-31T12:00:00Z", "live_workers": 2,
    }]},
    WorkerList: {"workers": [{
        "worker_id": 3, "name": "host:4711", "host": "host", "pid": 4711, "rowcall_version": "0.1.0",
        "apps": ["billing"], "routes": ["http", "invoice"], "slots": 100, "running": 1, "lease_seconds": 20.0,
        "status": "RUNNING", "is_alive": True, "started_at": "2030-01-01T12:00:00Z",
        "last_beat_at": "2030-01-31T10:00:00Z", "ended_at": None,
    }]},
    StatsView: {
        "now": "2030-01-31T10:00:00Z", "schedules": {"ACTIVE": 12, "PAUSED": 1}, "queued": 1, "waiting": 0,
        "running": 1, "workers": 2, "slots": 200, "oldest_due_seconds": 4.2,
        "due": [{"route": "invoice@v2", "due_since": "2030-01-31T09:59:55.8Z", "due_for_seconds": 4.2,
                 "live_workers": 0}],
        "unroutable": ["invoice@v2"], "executions": {"SUCCEEDED": 288, "FAILED": 1},
    },
    AuditEntryView: _CHANGE,
    AuditLog: {"entries": [_CHANGE], "next_cursor": "99"},
    Health: {"status": "ready"},
}  # fmt: skip
"""What is answered, by its model."""
