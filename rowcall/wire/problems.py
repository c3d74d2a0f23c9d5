"""Errors, as RFC 9457 has them."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ErrorItem(BaseModel):
    """One thing wrong with what was given."""

    field: str = Field(description="The field's path, with dots.")
    pointer: str | None = Field(None, description="The place in the body, as a JSON pointer; null for parameters.")
    message: str = Field(description="What is wrong, and what to do about it.")


class ProblemDetails(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="A stable URI for this kind of problem.", examples=["urn:rowcall:problem:not-found"])
    title: str
    status: int
    detail: str
    errors: list[ErrorItem] | None = Field(None, description="Everything that is wrong with the input, at once.")
