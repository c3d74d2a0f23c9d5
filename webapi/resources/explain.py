"""/v1/schedules/{id}/explain: why it did not run then, or what it waits for now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema
from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.domain.errors import InvalidInput
from rowcall.domain.explain import Explanation, Standing, explain_now
from rowcall.domain.explain_moment import Moment, explain_at
from rowcall.domain.timing import era_fault
from rowcall.domain.triggers import read_local
from rowcall.store.explaining import moment_of, standing_of
from rowcall.store.schedules import ScheduleRow
from rowcall.webapi.problems import InvalidParameters
from rowcall.webapi.queries import spaced_plus
from rowcall.webapi.registry import Call, reply, route
from rowcall.wire.explaining import AnswerView, ExplanationView, Facts, OpenExecutionView

from .references import Reference, found

ERA = "^(19[7-9][0-9]|[2-8][0-9]{3})-"
"""The years that `era_fault` lets pass, as far as a pattern can say so."""


class ExplainQuery(Reference):
    """Which moment to explain."""

    at: Annotated[str, WithJsonSchema({"type": "string", "format": "date-time", "pattern": ERA})] | None = Field(
        None,
        description="The moment; without an offset it is read in the schedule's zone. Left out: now.",
        examples=["2030-01-31T09:00:00"],
    )


async def explain(call: Call[ExplainQuery, None]) -> Response:
    """Explain a schedule."""
    schedule = await found(call)
    database = call.database
    standing = await standing_of(database, schedule)
    if call.query.at is None:
        return reply(explanation_view(schedule, explain_now(standing), standing, None))
    moment = await moment_of(database, schedule, _read_at(call.query.at, standing.timezone))
    return reply(explanation_view(schedule, explain_at(moment, standing), standing, moment))


def _read_at(text: str, timezone: str) -> datetime:
    try:
        at = read_local(spaced_plus(text), timezone, "at")
    except InvalidInput as invalid:
        raise InvalidParameters(invalid.faults) from None
    if (fault := era_fault("at", at)) is not None:
        raise InvalidParameters([fault])
    return at


def explanation_view(
    schedule: ScheduleRow, explanation: Explanation, standing: Standing, moment: Moment | None
) -> ExplanationView:
    """What is shown of an explanation; `moment` is None where it is about now."""
    return ExplanationView(
        schedule_id=schedule["schedule_id"],
        name=schedule["name"],
        at=None if moment is None else moment.at,
        code=explanation.code,
        sentence=explanation.sentence,
        facts=Facts(
            now=standing.now,
            status=standing.status,
            status_reason=standing.status_reason,
            status_since=standing.status_since,
            next_run_at=standing.next_run_at,
            route=standing.route,
            live_workers=standing.workforce.alive,
            offering_workers=standing.workforce.offering,
            free_slots=standing.workforce.free_slots,
            open_executions=[
                OpenExecutionView.model_validate(execution, from_attributes=True) for execution in standing.opened
            ],
            **_facts_then(moment),
        ),
    )


def _facts_then(moment: Moment | None) -> dict[str, Any]:
    if moment is None:
        return {}
    return {
        "is_occurrence": moment.is_occurrence,
        "occurrence_before": moment.before,
        "occurrence_after": moment.after,
        "status_then": moment.status,
        "answered_by": None if moment.row is None else AnswerView.model_validate(moment.row, from_attributes=True),
    }


OPERATIONS = (
    route(
        "GET",
        "/v1/schedules/{id}/explain",
        explain,
        scope=Scope.READ,
        summary="Why it did not run then, or what it waits for now, in a sentence and as facts",
        description=(
            "With `at`, about that moment; without, about now. `code` is the sentence in a word, for "
            "programs; words may be added."
        ),
        tag="schedules",
        query=ExplainQuery,
        answers={200: ExplanationView},
        problems=(404,),
    ),
)
