"""A rule to try out, and what it means."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from rowcall.domain.fields import WHOLE, ClientId, Moment, Name, TriggerFields

from .base import View


class PreviewFields(TriggerFields):
    """A rule to try out, given as for a schedule."""

    client_id: ClientId | None = Field(None, description="Whose schedule it is to be: `H` depends on it.")
    name: Name | None = Field(
        None, description="What the schedule is to be called: `H` is a slot that the name decides."
    )
    after: Moment | None = Field(None, description="Look from this moment on; now where left out.")
    count: Annotated[int, Field(ge=1, le=100), WHOLE] | None = Field(None, description="5 where left out.")


class Preview(View):
    """What a rule means."""

    description: str
    timezone: str
    upcoming: list[datetime]
