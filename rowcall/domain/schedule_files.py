"""Files of schedules: what may stand in one, as the models that validate it and that its JSON Schema is made from."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from .fields import LONGEST_NAME, ScheduleFields, TriggerFields, check_name

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"
SOURCE_PREFIX = "file:"

NEVER_SHARED = {"name", *TriggerFields.model_fields} - {"timezone", "starts_at", "ends_at"}
"""What no two schedules have in common: a name, and when they run."""

_FIELDS = {name: (field.annotation, field) for name, field in ScheduleFields.model_fields.items()}

FileDefaults: type[BaseModel] = create_model(
    "FileDefaults",
    __config__=ConfigDict(extra="forbid", strict=True, frozen=True),
    __doc__="Fields for every schedule of the file that does not give them itself.",
    **{name: shared for name, shared in _FIELDS.items() if name not in NEVER_SHARED},
)  # type: ignore[call-overload]


class Entry(ScheduleFields):
    """One schedule. What is left out comes from the file's `defaults`, or is the installation's default."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(check_name)] = Field(
        description="Identifies the schedule within its client. No slash, not all digits."
    )


class FileHead(BaseModel):
    """What a file says besides its schedules."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    source: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None = Field(
        None,
        description="Whose schedules these are: kept with each as file:<source>. Only what has the same source is ever "
        "pruned. May be given on the command line instead.",
        examples=["billing"],
    )
    defaults: FileDefaults | None = Field(None, description="For every schedule of this file.")  # type: ignore[valid-type]


class ScheduleFile(FileHead):
    """Schedules for rowcall apply."""

    schedules: list[Entry] | None = Field(
        None, description="All schedules of this file. [] says that there are none; left out, nothing is said of any."
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file of schedules, for editors and for checks in a pipeline."""
    return {"$schema": SCHEMA_ID, **ScheduleFile.model_json_schema()}
