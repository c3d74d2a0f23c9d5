"""The fields of a schedule's definition, as they are given: each with its type, its bounds and what it means.

Read strictly: "5" is no number and true is no 1. What concerns several fields is judged in `definitions`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from .faults import shown
from .triggers import LONGEST_INTERVAL_SECONDS

LONGEST_NAME = 200
LONGEST_DESCRIPTION = 4000
MOST_LABELS = 64
MOST_INPUT_BYTES = 256 * 1024
YEAR_SECONDS = 365 * 86400


def check_name(name: str) -> str:
    """A name that a schedule can have: it must be told from an id, and stand in a path and on a line."""
    if "/" in name or re.fullmatch("[0-9]+", name):
        raise ValueError(f"must have no slash and not be digits only, unlike {shown(name)}")
    return _check_line(name)


def _check_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be one line of printable characters, without spaces around it")
    return text


def _check_word(text: str) -> str:
    if re.fullmatch(r"[^\s@]{1,200}", text) is None or not text.isprintable():
        raise ValueError(f"must be 1 to 200 characters without spaces and without @, not {shown(text)}")
    return text


def _check_url(text: str) -> str:
    """Whether it is a web address at all; whether it may be called is judged where it is called."""
    try:
        url = urlsplit(text)
        fits = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        fits = False
    if not fits or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be a URL such as https://example.org/hook")
    if url.username is not None or url.password is not None:
        raise ValueError("must hold no user and password")
    return text


def _check_input(value: dict[str, Any]) -> dict[str, Any]:
    size = len(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))
    if size > MOST_INPUT_BYTES:
        raise ValueError(f"must be at most {MOST_INPUT_BYTES} bytes as JSON, not {size}")
    return value


def _check_once_each(words: list[Any]) -> list[Any]:
    if len(set(words)) < len(words):
        raise ValueError("must name each status once")
    return words


def _read_whole(value: object) -> object:
    """JSON does not tell 5 from 5.0."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**63 else value


def _read_mapping(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _read_moment(value: object) -> object:
    """Text is left as it is: what it means may depend on the zone."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError(f"a date and time is needed, such as 2030-01-31T09:00:00Z, not {shown(value)}")  # noqa: TRY004 - for pydantic
    return value


Line = Annotated[str, AfterValidator(_check_line)]
ClientId = Annotated[Line, Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(check_name)]
Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_check_word)]
WHOLE = BeforeValidator(_read_whole)
"""For whole numbers; it stands last, so that the bounds before it are the number's own."""

Moment = Annotated[
    Any, BeforeValidator(_read_moment), WithJsonSchema({"type": "string", "examples": ["2030-01-31T09:00:00Z"]})
]
Count = Annotated[int, Field(ge=0, le=LONGEST_INTERVAL_SECONDS), WHOLE]

_CRON_FIELD = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
CRON_FIELD_NAMES = ("second", "minute", "hour", "day", "month", "day_of_week", "week", "year")
CronFields = Annotated[
    dict[str, Any],
    BeforeValidator(_read_mapping),
    WithJsonSchema(
        {"type": "object", "properties": dict.fromkeys(CRON_FIELD_NAMES, _CRON_FIELD), "additionalProperties": False}
    ),
]
Labels = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=100)], Annotated[str, Field(max_length=500)]],
    Field(max_length=MOST_LABELS),
    BeforeValidator(_read_mapping),
]
CallbackEvent = Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED", "LOST", "SKIPPED", "MISSED"]
InputData = Annotated[dict[str, Any], BeforeValidator(_read_mapping), AfterValidator(_check_input)]


class TriggerFields(BaseModel):
    """When: exactly one of `cron_expression`, `cron_fields`, an interval and `scheduled_time`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    schedule_type: Literal["cron", "interval", "one_time"] | None = Field(
        None, description="Left out, it follows from the fields that are given."
    )
    cron_expression: Annotated[str, Field(max_length=400)] | None = Field(
        None, description="Five fields or an alias such as @daily; also L, 5#2 and H.", examples=["0 9 * * MON-FRI"]
    )
    cron_fields: CronFields | None = Field(
        None,
        description="All fields given must match. day_of_week 0 is Monday.",
        examples=[{"hour": 9}],
    )
    interval_seconds: Annotated[int, Field(ge=1, le=LONGEST_INTERVAL_SECONDS), WHOLE] | None = Field(
        None, description="Counted from `starts_at`, or else from the creation."
    )
    weeks: Count | None = Field(None, description="A part of the interval, instead of `interval_seconds`.")
    days: Count | None = Field(None, description="A part of the interval.")
    hours: Count | None = Field(None, description="A part of the interval.")
    minutes: Count | None = Field(None, description="A part of the interval.")
    seconds: Count | None = Field(None, description="A part of the interval.")
    scheduled_time: Moment | None = Field(
        None, description="The one moment to run at, in the future. Without an offset it is read in `timezone`."
    )
    timezone: str | None = Field(
        None,
        description="IANA name; `ROWCALL_DEFAULT_TIMEZONE` where left out.",
        examples=["Europe/London"],
    )
    starts_at: Moment | None = Field(None, description="No occurrence before this; inclusive.")
    ends_at: Moment | None = Field(None, description="No occurrence after this; inclusive.")


class ScheduleFields(TriggerFields):
    """The definition of a schedule. What is left out, or null, takes its default."""

    client_id: ClientId | None = Field(None, description="Whose schedule it is; `default` where left out.")
    name: Name | None = Field(
        None, description="Unique per client; made up from the task type where left out. No slash, not all digits."
    )
    description: Annotated[str, Field(max_length=LONGEST_DESCRIPTION)] | None = None
    task_type: Word | None = Field(None, description="What to run: a task that some worker has offered.")
    capability_required: Word | None = Field(None, description="Only workers that have it may run this.")
    input_data: InputData | None = Field(None, description="Handed to the task; {} where left out.")
    priority: Annotated[int, Field(ge=1, le=10), WHOLE] | None = Field(
        None, description="10 goes first; 5 where left out."
    )
    labels: Labels | None = Field(None, description="Free names and values to find schedules by.")
    jitter_seconds: Annotated[int, Field(ge=0, le=86400), WHOLE] | None = Field(
        None, description="Runs are spread over so many seconds after the occurrence; 0 where left out."
    )
    max_executions: Annotated[int, Field(ge=1, le=2**63 - 1), WHOLE] | None = Field(
        None, description="Completed after so many scheduled runs; unlimited where left out."
    )
    grace_period_seconds: Annotated[int, Field(ge=1, le=3_155_760_000), WHOLE] | None = Field(
        None, description="How late an occurrence may still run; 900 where left out."
    )
    coalesce: Literal["latest", "all"] | None = Field(
        None, description="Whether several late occurrences become one run (latest) or one run each (all)."
    )
    catch_up_limit: Annotated[int, Field(ge=1, le=10000), WHOLE] | None = Field(
        None, description="With `coalesce` all, so many of the newest are made up for; 100 where left out."
    )
    overlap_policy: Literal["skip", "queue", "allow", "cancel_running"] | None = Field(
        None, description="What happens to an occurrence while another execution is open; skip where left out."
    )
    max_instances: Annotated[int, Field(ge=1, le=1000), WHOLE] | None = Field(
        None, description="So many executions may be open at once; 1 where left out, allow needs more."
    )
    timeout_seconds: Annotated[float, Field(gt=0, le=YEAR_SECONDS, allow_inf_nan=False)] | None = Field(
        None, description="The longest that one attempt may take; 3600 where left out."
    )
    max_retries: Annotated[int, Field(ge=0, le=1000), WHOLE] | None = Field(
        None, description="Attempts after the first; 3 where left out."
    )
    retry_backoff_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] | None = Field(
        None, description="Doubled with each attempt, jittered, at most an hour; 10 where left out."
    )
    callback_url: Annotated[str, Field(max_length=2000), AfterValidator(_check_url)] | None = Field(
        None, description="Told of every execution that ends, as a signed webhook; see `callback_events`."
    )
    callback_events: (
        Annotated[list[CallbackEvent], Field(min_length=1, max_length=7), AfterValidator(_check_once_each)] | None
    ) = Field(None, description="The statuses that `callback_url` is told of; all of them where left out.")
    allow_unknown_task: bool | None = Field(None, description="Take a task type that no worker has offered yet.")
