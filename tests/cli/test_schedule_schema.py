"""The JSON Schema of files of schedules: what apply takes, it takes, and what it refuses is refused."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rowcall.domain.definitions import Definition
from rowcall.domain.fields import ScheduleFields
from rowcall.domain.schedule_files import NEVER_SHARED, json_schema
from tests.docs.pages import ROOT


def of_one(**fields: Any) -> dict[str, Any]:
    return {"source": "a", "schedules": [{"name": "n", "task_type": "t", "interval_seconds": 60, **fields}]}


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    return jsonschema.Draft202012Validator(json_schema())


def test_the_copy_in_the_documentation_is_what_is_written_today() -> None:
    copy = Path(ROOT / "docs" / "schedules.schema.json").read_text()
    assert json.loads(copy) == json_schema(), "write it anew: rowcall apply --schema > docs/schedules.schema.json"


@pytest.mark.parametrize(
    "document",
    [
        of_one(),
        of_one(cron_fields={"hour": 9, "minute": "*/5"}, interval_seconds=None),
        of_one(input_data={"url": {"$secret": "name"}}),
        {"source": "a", "schedules": []},
        {"source": "a", "defaults": {"priority": 3, "timezone": "Europe/London"}},
    ],
)
def test_what_can_be_applied_fits(validator: Any, document: dict[str, Any]) -> None:
    assert list(validator.iter_errors(document)) == []


@pytest.mark.parametrize(
    "document",
    [
        of_one(priority=11),
        of_one(prioritty=1),
        of_one(overlap_policy="wait"),
        {"source": "a", "schedules": [{"task_type": "t"}]},
        {"source": "a", "schedules": {}},
        {"source": "a b", "schedules": []},
        {"source": "a", "defaults": {"cron_expression": "@daily"}},
        {"source": "a", "schedule": []},
    ],
)
def test_what_is_refused_does_not_fit(validator: Any, document: dict[str, Any]) -> None:
    assert list(validator.iter_errors(document))


def test_every_field_of_a_definition_can_be_given_and_shared_unless_it_says_which_or_when() -> None:
    definitions = json_schema()["$defs"]
    entry, shared = set(definitions["Entry"]["properties"]), set(definitions["FileDefaults"]["properties"])
    assert entry == set(ScheduleFields.model_fields)
    assert entry - shared == NEVER_SHARED
    assert set(Definition.__dataclass_fields__) <= entry
