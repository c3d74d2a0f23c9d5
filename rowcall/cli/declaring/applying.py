"""``rowcall apply`` and ``rowcall diff``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import typer

from rowcall.cli.access import a_database
from rowcall.cli.exits import ExitCode
from rowcall.cli.output import say
from rowcall.domain.declaring import Action, Change, PruneLimit, check_prune
from rowcall.domain.errors import Conflict, InvalidInput
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.declared_schedules import carry_out, lock_sources
from rowcall.store.sessions import Session

from .planning import Plan, PlanOptions, make_plan
from .reading import Gathered, gather
from .showing import print_plan, say_applied, show_plan
from .texts import STANDARD_INPUT, Text, read_texts

MANY = 250


@dataclass(frozen=True, slots=True)
class Application:
    """How files are to be applied. `sure`: nobody is asked."""

    options: PlanOptions = field(default_factory=PlanOptions)
    limit: PruneLimit = field(default_factory=PruneLimit)
    source: str | None = None
    sure: bool = False
    as_json: bool = False


async def apply_files(places: Sequence[str], application: Application) -> ExitCode:
    """Make the database hold what the files declare, in one transaction. FAULT where somebody was asked and said no."""
    check_sure(application, places)
    return await apply_texts(read_texts(places), application)


def check_sure(application: Application, places: Sequence[str]) -> None:
    """Raise InvalidInput where somebody has to be asked, and nobody can be."""
    if not application.sure and (application.as_json or STANDARD_INPUT in places or not sys.stdin.isatty()):
        raise InvalidInput.of("--yes", "is needed where nobody can be asked; --dry-run only tells")


async def apply_texts(texts: Sequence[Text], application: Application) -> ExitCode:
    """The same for files that have been read."""
    gathered = gather(texts, application.source)
    defaults = Settings.from_environment().schedule_defaults
    async with a_database(Settings.from_environment(), purpose="apply") as place:
        shown = None
        if not application.sure:
            shown = await make_plan(place.database, gathered, defaults, application.options)
            show_plan(shown)
            _guard(shown, application.limit)
            if shown.changes_nothing:
                return ExitCode.OK
            if not typer.confirm("Apply this?", err=True):
                say("Nothing was changed.")
                return ExitCode.FAULT
        plan = await _apply(place.database, gathered, application, shown)
    if application.as_json:
        print_plan(plan, applied=True)
    elif not plan.changes_nothing:
        say_applied(plan)
    return ExitCode.OK


async def _apply(database: Database, gathered: Gathered, application: Application, shown: Plan | None) -> Plan:
    """Plan anew where nobody else applies, and carry that out, if it is what was shown."""
    defaults = Settings.from_environment().schedule_defaults
    async with database.transaction() as session:
        sources = gathered.sources | {entry.source for entry in gathered.entries}
        await lock_sources(
            session, sources, lambda source: say(f"Another apply of {source} is at work: waiting for it.")
        )
        plan = await make_plan(session, gathered, defaults, application.options)
        if shown is None and not application.as_json:
            show_plan(plan)
        elif shown is not None and plan.changes != shown.changes:
            raise Conflict("the schedules changed since the plan was shown; nothing was written: apply again")
        _guard(plan, application.limit)
        await _write(session, [change for change in plan.changes if change.action is not Action.UNCHANGED])
    return plan


def _say_waiting(source: str) -> None:
    say(f"Another apply of {source} is at work: waiting for it.")


async def _write(session: Session, changes: Sequence[Change]) -> None:
    done = 0
    async for _ in carry_out(session, changes):
        done += 1
        if done % MANY == 0:
            say(f"  {done} of {len(changes)} written")


async def tell_differences(
    places: Sequence[str], application: Application, *, guarded: bool, exit_code: bool
) -> ExitCode:
    """What applying would do; with `exit_code` FAULT says that there is something to do. Nothing is written."""
    gathered = gather(read_texts(places), application.source)
    settings = Settings.from_environment()
    async with a_database(settings, purpose="diff") as place:
        plan = await make_plan(place.database, gathered, settings.schedule_defaults, application.options)
    if application.as_json:
        print_plan(plan, applied=False)
    else:
        show_plan(plan)
    if guarded:
        _guard(plan, application.limit)
    return ExitCode.FAULT if exit_code and not plan.changes_nothing else ExitCode.OK


def _guard(plan: Plan, limit: PruneLimit) -> None:
    """Raise Conflict where more would be pruned than may be, of any source."""
    for source, owned in plan.owned.items():
        check_prune(source, [each.name for each in plan.of(Action.PRUNE) if each.source == source], owned, limit)
