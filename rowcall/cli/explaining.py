"""What ``rowcall schedules explain`` tells: why a schedule did not run then, or what it waits for now."""

from __future__ import annotations

from rowcall.domain.explain import explain_now
from rowcall.domain.explain_moment import explain_at
from rowcall.domain.triggers import read_local
from rowcall.settings import Settings
from rowcall.store.explaining import moment_of, standing_of
from rowcall.store.schedules import find_schedule, resolve_schedule
from rowcall.webapi.resources.explain import explanation_view

from .access import a_database
from .output import print_json, print_text


async def explain_one(reference: str, client: str, at: str | None, *, as_json: bool) -> None:
    """Tell it in a sentence, or as JSON with the facts; `at` without an offset is read in the schedule's zone."""
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        schedule = await find_schedule(place.database, await resolve_schedule(place.database, client, reference))
        standing = await standing_of(place.database, schedule)
        instant = None if at is None else read_local(at, standing.timezone, "--at")
        moment = None if instant is None else await moment_of(place.database, schedule, instant)
    explanation = explain_now(standing) if moment is None else explain_at(moment, standing)
    if as_json:
        print_json(explanation_view(schedule, explanation, standing, moment).model_dump(mode="json"))
    else:
        print_text(explanation.sentence)
