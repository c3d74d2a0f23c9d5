"""What files say as entries to be judged, and every fault in them: file, line, schedule, field, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rowcall.domain.documents import read_document
from rowcall.domain.errors import Fault, InvalidInput
from rowcall.domain.faults import did_you_mean
from rowcall.domain.schedule_files import SOURCE_PREFIX, FileDefaults, FileHead, ScheduleFile

from .texts import Text
from .yaml_text import Document, Path, read_json, read_yaml

UNNAMED = "without a name"


@dataclass(frozen=True, slots=True)
class Entry:
    """One schedule as a file gives it, the file's defaults filled in; `own` are the fields that it gives itself."""

    file: str
    document: Document
    path: Path
    source: str
    own: Mapping[str, Any]
    defaults: Mapping[str, Any]

    @property
    def fields(self) -> dict[str, Any]:
        """All fields, as REST would get them."""
        return {**self.defaults, **{name: value for name, value in self.own.items() if value is not None}}

    @property
    def client_id(self) -> str:
        """Whose it is, as far as that can be told."""
        return str(self.fields.get("client_id") or "default")

    @property
    def name(self) -> str:
        """Its name, or a word for its lack."""
        return str(self.own.get("name") or UNNAMED)

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it."""
        return self.client_id, self.name

    def where(self, fault_field: str = "") -> str:
        """Where it stands, or a field of it: ``schedules.yaml:12``."""
        below = tuple(int(part) if part.isdigit() else part for part in fault_field.split(".") if part)
        path = ("defaults",) if self.is_shared(fault_field) else self.path
        return f"{self.file}:{self.document.line_of((*path, *below))}"

    def is_shared(self, fault_field: str) -> bool:
        """Whether a field comes from the file's defaults."""
        name = fault_field.partition(".")[0]
        return name in self.defaults and self.own.get(name) is None

    def fault(self, fault: Fault) -> Fault:
        """The same fault with the place that it stands at; one in the defaults is the same for all schedules."""
        whose = "defaults" if self.is_shared(fault.field) else self.name
        return Fault(f"{self.where(fault.field)}: {whose}: {fault.field}", fault.message)


@dataclass(slots=True)
class Gathered:
    """All that the files say. `sources` are those whose schedules the files name in full."""

    entries: list[Entry] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)


def gather(texts: Sequence[Text], source: str | None) -> Gathered:
    """The entries of all files, and every fault that shows without the database. `source` replaces the files' own."""
    gathered = Gathered()
    for text in texts:
        _gather_file(text, source, gathered)
    _find_twins(gathered)
    return gathered


def _gather_file(text: Text, source: str | None, gathered: Gathered) -> None:
    if not text.text.strip():
        gathered.faults.append(Fault(f"{text.name}:1", "is empty; a file says at least schedules: []"))
        return
    document = read_json(text.text) if text.is_json else read_yaml(text.text)
    gathered.faults += [Fault(f"{text.name}:{line}", message) for line, message in document.faults]
    if not isinstance(document.value, dict):
        if not document.faults:
            gathered.faults.append(Fault(f"{text.name}:1", "must be a mapping with source, defaults and schedules"))
        return
    head = {name: value for name, value in document.value.items() if name != "schedules"}
    defaults, faults = _read_head(head)
    source = source or head.get("source")
    if source is None:
        faults.append(Fault("source", "is needed: whose schedules these are; write source: billing, or give --source"))
    gathered.faults += [_placed(text.name, document, fault) for fault in faults]
    _gather_entries(text.name, document, f"{SOURCE_PREFIX}{source}", defaults, gathered)


def _read_head(head: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The defaults that can be used, and all that is wrong with what stands besides the schedules."""
    given = {name: value for name, value in head.items() if value is not None}
    defaults = given.get("defaults", {})
    if isinstance(defaults, dict):
        given.pop("defaults", None)
    else:
        defaults = {}
    strangers = [
        Fault(name, f"there is no such field{did_you_mean(name, ScheduleFile.model_fields)}")
        for name in given
        if name not in FileHead.model_fields
    ]
    known = {name: value for name, value in given.items() if name in FileHead.model_fields}
    shared = {name: value for name, value in defaults.items() if value is not None}
    misfits = read_document(FileDefaults, shared)[1]
    unusable = {fault.field.partition(".")[0] for fault in misfits}
    placed = [Fault(f"defaults.{fault.field}", fault.message) for fault in misfits]
    usable = {name: value for name, value in shared.items() if name not in unusable}
    return usable, [*strangers, *read_document(FileHead, known)[1], *placed]


def _placed(file: str, document: Document, fault: Fault) -> Fault:
    path = tuple(fault.field.split("."))
    return Fault(f"{file}:{document.line_of(path)}: {fault.field}", fault.message)


def _gather_entries(
    file: str, document: Document, source: str, defaults: Mapping[str, Any], gathered: Gathered
) -> None:
    if "schedules" not in document.value:
        return
    found = document.value["schedules"]
    where = f"{file}:{document.line_of(('schedules',))}"
    if not isinstance(found, list):
        said = "is empty; write [] to say that there are none" if found is None else "must be a list"
        gathered.faults.append(Fault(f"{where}: schedules", said))
        return
    gathered.sources.add(source)
    for position, own in enumerate(found):
        path: Path = ("schedules", position)
        line = f"{file}:{document.line_of(path)}"
        if not isinstance(own, dict):
            gathered.faults.append(Fault(line, "each schedule must be a mapping of fields"))
            continue
        if not own.get("name"):
            gathered.faults.append(Fault(f"{line}: name", "is needed: it identifies the schedule within its client"))
        gathered.entries.append(Entry(file, document, path, source, own, defaults))


def _find_twins(gathered: Gathered) -> None:
    """Two entries may not mean one schedule."""
    first: dict[tuple[str, str], Entry] = {}
    for entry in gathered.entries:
        known = first.setdefault(entry.key, entry)
        if known is not entry and entry.name != UNNAMED:
            gathered.faults.append(entry.fault(Fault("name", f"is taken already, at {known.where('name')}")))


def refuse(faults: Sequence[Fault]) -> None:
    """Raise InvalidInput for all of these, each told once, in the order of their places."""
    if faults:
        raise InvalidInput(sorted(dict.fromkeys(faults), key=_place))


def _place(fault: Fault) -> tuple[str, int]:
    file, _, rest = fault.field.partition(":")
    line = rest.partition(":")[0]
    return file, int(line) if line.isdigit() else 0
