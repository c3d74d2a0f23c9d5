"""What all answers, and all bodies that are read by themselves, have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from rowcall.domain.documents import told

Json = Annotated[Any, AfterValidator(told)]
"""Whatever stands in a jsonb column, as deep as an answer may be nested."""


class View(BaseModel):
    """An answer. Rows written by SQL may hold what REST would refuse, so nothing is refused here."""

    model_config = ConfigDict(frozen=True, json_schema_mode="serialization")  # type: ignore[typeddict-unknown-key]  # of openapi-pydantic


class Body(BaseModel):
    """A body that is read by itself; strictly, like all JSON here."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NoFields(Body):
    """A body without fields, which may be left out."""
