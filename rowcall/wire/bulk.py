"""The same done to many schedules."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import Body, View

Text = Annotated[str, Field(min_length=1, max_length=500)]


class Bulk(Body):
    """Which schedules: either `names`, or `labels`."""

    names: Annotated[list[Text], Field(min_length=1, max_length=500)] | None = Field(
        None, description="Names or ids. One that is none is a fault, and nothing is done."
    )
    labels: Annotated[dict[Text, Annotated[str, Field(max_length=500)]], Field(min_length=1)] | None = Field(
        None, description="All of these labels, each with its value."
    )
    client_id: Text | None = Field(None, description="Whose schedules; the key's client where left out.")
    dry_run: bool = Field(default=False, description="Only tell what would become of each.")

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.names is None) == (self.labels is None):
            raise ValueError("either names or labels are needed, to say which schedules are meant")
        return self


class BulkPause(Bulk):
    """Which schedules to pause, and why."""

    reason: Annotated[str, Field(max_length=500)] | None = Field(None, description="Told wherever the pause is seen.")


class BulkItem(View):
    """What became of one schedule."""

    schedule_id: int
    client_id: str
    name: str
    outcome: Literal["done", "unchanged", "refused"]
    detail: str | None = Field(description="Why it was refused, or what was done.")
    execution_id: int | None = Field(description="The execution that was queued.")


class BulkAnswer(View):
    """What became of all of them, in order of id."""

    action: Literal["pause", "resume", "delete", "execute"]
    dry_run: bool = Field(description="Whether nothing was done, and this is what would have been.")
    done: int
    unchanged: int
    refused: int
    schedules: list[BulkItem]
