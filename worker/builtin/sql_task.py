"""The built-in task type `sql`: a statement that the operator wrote down, exactly once, as a role of its own."""

from __future__ import annotations

from collections.abc import Mapping

from rowcall.app import Isolation, Run, TaskDefinition
from rowcall.domain.errors import Forbidden, InvalidInput, LeaseLost, StoreUnavailable
from rowcall.domain.executions import Outcome
from rowcall.store.database import Database
from rowcall.store.releasing import release_free
from rowcall.store.sql_runs import EndedTooEarly, SqlRuns, StatementFailed, StatementTookTooLong
from rowcall.worker.running.errors import Refused, Told, TookTooLong
from rowcall.worker.running.results import encode_result
from rowcall.worker.settled import Settled

from .asking import asked_for
from .named_statement import NamedStatement


def sql_task(
    database: Database,
    runs: SqlRuns,
    statements: Mapping[str, NamedStatement],
    settled: Settled,
    result_max_bytes: int,
) -> TaskDefinition:
    """The task `sql`. What it does and the end of its execution commit together; `settled` is told of that.

    Input that makes no sense is not tried again, nor is a statement that ended its own transaction: it would do again
    what was kept of it.
    """

    async def sql(run: Run) -> None:
        try:
            named, values = asked_for(run, statements, "statements")
            end = await runs.carry_out(
                run,
                named.statement,
                values,
                lambda answer: encode_result(answer, result_max_bytes),
                timeout_seconds=named.timeout_seconds,
            )
        except (InvalidInput, EndedTooEarly) as fault:
            raise Refused(str(fault)) from fault
        except StatementTookTooLong as fault:
            raise TookTooLong(str(fault)) from fault
        except (StatementFailed, Forbidden, LeaseLost, StoreUnavailable) as fault:
            raise Told(str(fault)) from fault
        settled.note(run.execution_id, run.fence, Outcome.succeeded(end.result), end.duration_seconds)
        settled.on_busy((await release_free(database, [run.schedule_id])).busy)

    description = f"Runs a statement that the operator wrote down: {', '.join(sorted(statements))}"
    return TaskDefinition("sql", sql, Isolation.ASYNC, description=description)
