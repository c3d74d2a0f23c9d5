"""What is declared, held against what is there: a plan, or every fault of every entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rowcall.domain.credentials import credentials_in
from rowcall.domain.declaring import Action, Change, differences_of
from rowcall.domain.definitions import Defaults, Definition, define
from rowcall.domain.errors import Fault, InvalidInput
from rowcall.domain.schedules import is_gone
from rowcall.store.declared_schedules import find_declared, find_of_sources
from rowcall.store.schedules import ScheduleRow, definition_of, known_tasks
from rowcall.store.sessions import Session

from .reading import Entry, Gathered, refuse


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a plan may contain besides new schedules and changes of its own."""

    prune: bool = False
    take_over: bool = False
    allow_unknown_tasks: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    `left_over` are schedules of the same sources that no file names and that stay; `owned` counts what each source has.
    """

    changes: Sequence[Change]
    left_over: Sequence[str] = ()
    owned: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    def of(self, action: Action) -> list[Change]:
        """The changes of one kind."""
        return [change for change in self.changes if change.action is action]

    @property
    def changes_nothing(self) -> bool:
        """Whether all is as it is declared."""
        return all(change.action is Action.UNCHANGED for change in self.changes)


async def make_plan(session: Session, gathered: Gathered, defaults: Defaults, options: PlanOptions) -> Plan:
    """The plan for all that was gathered. Raises InvalidInput with every fault, those of the files included."""
    now, tasks = await known_tasks(session)
    rows = await find_declared(session, [entry.key for entry in gathered.entries])
    there = {(row["client_id"], row["name"]): row for row in rows}
    faults, changes = list(gathered.faults), []
    for entry in gathered.entries:
        row = there.get(entry.key)
        previous = None if row is None else definition_of(row)
        try:
            definition = define(
                entry.fields,
                now=now,
                defaults=defaults,
                known_tasks=None if options.allow_unknown_tasks else tasks,
                previous=previous,
                created_at=None if row is None else row["created_at"],
            )
        except InvalidInput as invalid:
            faults += [entry.fault(fault) for fault in invalid.faults if entry.own.get("name") or fault.field != "name"]
            continue
        if row is not None and (fault := _ownership_fault(entry, row, options)) is not None:
            faults.append(fault)
        changes.append(_change(entry, row, definition))
    refuse(faults)
    return await _with_the_rest(session, gathered, changes, options)


def _ownership_fault(entry: Entry, row: ScheduleRow, options: PlanOptions) -> Fault | None:
    if row["is_static"] and not is_gone(row):
        return entry.fault(Fault("name", f"is static: declared in {row['source']!r}, and changed there"))
    if row["source"] != entry.source and not options.take_over:
        return entry.fault(
            Fault("name", f"belongs to {row['source']!r}, not to {entry.source!r}; --take-over changes that")
        )
    return None


def _change(entry: Entry, row: ScheduleRow | None, definition: Definition) -> Change:
    if row is None:
        return Change(Action.CREATE, *entry.key, entry.source, definition=definition)
    differences = differences_of(definition_of(row), definition)
    if row["source"] != entry.source:
        differences["source"] = (row["source"], entry.source)
    action = Action.CHANGE if differences else Action.UNCHANGED
    return Change(action, *entry.key, entry.source, row["schedule_id"], row["version"], definition, differences)


async def _with_the_rest(session: Session, gathered: Gathered, changes: list[Change], options: PlanOptions) -> Plan:
    """The plan with what these sources have and no file names: pruned where that is asked for."""
    owned = await find_of_sources(session, gathered.sources)
    named = {entry.key for entry in gathered.entries}
    rest = [row for row in owned if (row["client_id"], row["name"]) not in named]
    if options.prune:
        changes += [
            Change(Action.PRUNE, row["client_id"], row["name"], row["source"], row["schedule_id"], row["version"])
            for row in rest
        ]
    counts = {source: sum(row["source"] == source for row in owned) for source in gathered.sources}
    left_over = [] if options.prune else [row["name"] for row in rest]
    return Plan(changes, left_over, counts, [warning for entry in gathered.entries for warning in _warnings(entry)])


def _warnings(entry: Entry) -> list[str]:
    return [
        f'{entry.where(path)}: {entry.name}: {path} looks like a credential; a reference is {{"$secret": "its-name"}}'
        for path in credentials_in(entry.fields.get("input_data"))
    ]
