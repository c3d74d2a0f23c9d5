"""The built-in tasks that this worker offers: `http` always, `sql` and `shell` where the operator turned them on."""

from __future__ import annotations

import os

import structlog

from rowcall.app import TaskDefinition
from rowcall.domain.errors import Fault, InvalidInput
from rowcall.egress.client import HttpClient
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.sql_runs import SqlRuns
from rowcall.worker.settled import Settled

from .http_task import http_task
from .named import named_commands, named_statements
from .shell_task import shell_task
from .sql_task import sql_task

log = structlog.get_logger("rowcall.worker")


def built_in_tasks(
    settings: Settings, client: HttpClient, database: Database, settled: Settled
) -> list[TaskDefinition]:
    """The tasks, ready to run. Raises InvalidInput with all that is wrong with the operator's files."""
    faults: list[Fault] = []
    tasks = [http_task(client, settings)]
    try:
        tasks += _sql(settings, database, settled)
    except InvalidInput as fault:
        faults += fault.faults
    try:
        tasks += _shell(settings)
    except InvalidInput as fault:
        faults += [each for each in fault.faults if each not in faults]
    if faults:
        raise InvalidInput(faults)
    return tasks


def _sql(settings: Settings, database: Database, settled: Settled) -> list[TaskDefinition]:
    statements = None if settings.named_sql is None else named_statements(settings.named_sql)
    if statements is None or settings.sql_database_url is None:
        if statements is not None or settings.sql_database_url is not None:
            missing = "ROWCALL_NAMED_SQL" if statements is None else "ROWCALL_SQL_DATABASE_URL"
            log.warning("sql_tasks_are_off", missing=missing)
        return []
    runs = SqlRuns(database, settings.sql_database_url, settings.database_pool_size)
    return [sql_task(database, runs, statements, settled, settings.result_max_bytes)]


def _shell(settings: Settings) -> list[TaskDefinition]:
    if settings.named_commands is None:
        return []
    commands = named_commands(settings.named_commands)
    return [shell_task(commands, os.environ, settings.result_max_bytes, settings.error_max_bytes)]
