"""What ``rowcall schedules explain`` tells: why a schedule did not run then, or what it waits for now."""

from __future__ import annotations

from .output import print_json, print_text
from .reaching import an_api, whose


async def explain_one(reference: str, client: str, at: str | None, *, as_json: bool) -> None:
    """Tell it in a sentence, or as JSON with the facts; `at` without an offset is read in the schedule's zone."""
    async with an_api() as api:
        explanation = await api.client.schedules.explain(reference, at, client_id=whose(client))
    if as_json:
        print_json(explanation.model_dump(mode="json"))
    else:
        print_text(explanation.sentence)
