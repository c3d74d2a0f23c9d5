"""YAML 1.2 and JSON as plain values, each with the line it stands on.

PyYAML splits the text into events; what they mean is decided here, so that no tag makes an object, ``no`` stays a word,
a name that is given twice is a fault, and aliases can't grow without bounds. All faults are told, not only the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

Path: TypeAlias = tuple[str | int, ...]

MOST_DEPTH = 100
TOO_DEEP = f"is nested more than {MOST_DEPTH} deep"
MOST_ALIASED = 100_000
LONGEST_NUMBER = 400
STRING_TAGS = (None, "!", "tag:yaml.org,2002:str")

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_REAL = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


@dataclass(slots=True)
class Document:
    """What a text says, the line of each part by its path, and what is wrong, as (line, message)."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)

    def line_of(self, path: Path) -> int:
        """The line of this part, or of the nearest around it that stands in the text."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(text: str) -> Document:
    """Read one document. Where it has faults, its value is what could be read."""
    return _Composer().compose(text)


def read_json(text: str) -> Document:
    """Read JSON: YAML that may be indented with tabs and writes what is beyond 16 bits as pairs of surrogates."""
    return read_yaml(_PAIR.sub(_joined, text.replace("\t", " ")))


def _joined(pair: re.Match[str]) -> str:
    code = 0x10000 + ((int(pair[2], 16) - 0xD800) << 10) + int(pair[3], 16) - 0xDC00
    return f"{pair[1]}\\U{code:08x}"


def _unreadable(problem: str) -> str:
    """What a fault of the parser is called. It reads ahead of us, and since libyaml 0.2.6 has a limit of its own."""
    return TOO_DEEP if "nesting depth" in problem else f"can't be read: {problem}"


def plain_value(text: str) -> Any:
    """What a plain scalar means, in the core schema of YAML 1.2: null, true, false, a number, or the text."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text.lower() in ("true", "false") and text in (text.lower(), text.title(), text.upper()):
        return text.lower() == "true"
    if len(text) > LONGEST_NUMBER:
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _REAL.fullmatch(text):
        return float(text)
    return text


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read. `name` is the key whose value comes next; `size` counts what is inside."""

    value: Any
    path: Path
    line: int
    anchor: str | None
    size: int = 1
    name: str | None = None
    named: bool = False
    seen: dict[str, int] = field(default_factory=dict)


class _Composer:
    def __init__(self) -> None:
        self._document = Document()
        self._stack: list[_Open] = []
        self._anchored: dict[str, tuple[Any, int]] = {}
        self._aliased = 0
        self._documents = 0
        self._handlers: Mapping[type, Callable[[Any], bool]] = {
            yaml.DocumentStartEvent: self._begin,
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: lambda event: self._open(event, {}),
            yaml.SequenceStartEvent: lambda event: self._open(event, []),
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
        }

    def compose(self, text: str) -> Document:
        try:
            for event in yaml.parse(text.removeprefix("\ufeff"), Loader=_LOADER):
                handle = self._handlers.get(type(event))
                if handle is not None and not handle(event):
                    break
        except yaml.MarkedYAMLError as fault:
            mark = fault.problem_mark or fault.context_mark
            self._fault(mark.line + 1 if mark else 1, _unreadable(str(fault.problem or fault.context)))
        except yaml.reader.ReaderError as fault:
            line = text.count("\n", 0, fault.position) + 1 if isinstance(fault.position, int) else 1
            self._fault(line, f"holds a character that no YAML may hold: {fault.reason}")
        return self._document

    def _fault(self, line: int, message: str) -> None:
        self._document.faults.append((line, message))

    def _begin(self, event: Any) -> bool:
        self._documents += 1
        if self._documents > 1:
            self._fault(event.start_mark.line + 1, "another document begins; a file holds one")
        return self._documents == 1

    def _scalar(self, event: Any) -> bool:
        line = int(event.start_mark.line) + 1
        if event.tag not in STRING_TAGS:
            self._fault(line, f"has the tag {event.tag[:40]!r}; only plain values are read")
        value = plain_value(event.value) if event.implicit[0] and event.tag is None else event.value
        self._add(value, event.value, line, event.anchor, 1)
        return True

    def _alias(self, event: Any) -> bool:
        line = int(event.start_mark.line) + 1
        if event.anchor not in self._anchored:
            self._fault(line, f"*{event.anchor} names nothing that is complete before it")
            self._add(None, None, line, None, 1)
            return True
        value, size = self._anchored[event.anchor]
        self._aliased += size
        if self._aliased > MOST_ALIASED:
            self._fault(line, f"aliases repeat more than {MOST_ALIASED} values; write a file that says less")
            return False
        self._add(value, None, line, None, size)
        return True

    def _open(self, event: Any, value: Any) -> bool:
        line = int(event.start_mark.line) + 1
        if event.tag is not None:
            self._fault(line, f"has the tag {event.tag[:40]!r}; only plain values are read")
        if len(self._stack) >= MOST_DEPTH:
            self._fault(line, TOO_DEEP)
            return False
        self._stack.append(_Open(value, self._place(line), line, event.anchor))
        return True

    def _close(self, _: Any) -> bool:
        closed = self._stack.pop()
        self._put(closed.value, closed.size)
        if closed.anchor is not None:
            self._anchored[closed.anchor] = (closed.value, closed.size)
        return True

    def _add(self, value: Any, text: str | None, line: int, anchor: str | None, size: int) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and not top.named:
            self._name(top, value, text, line)
            return
        self._place(line)
        self._put(value, size)
        if anchor is not None:
            self._anchored[anchor] = (value, size)

    def _name(self, top: _Open, value: Any, text: str | None, line: int) -> None:
        """The key of the next value."""
        if value == "<<":
            self._fault(line, "<< is not read; what schedules have in common goes into defaults")
        elif not isinstance(value, str):
            self._fault(line, f"a name is needed here, not {text or 'an alias'}; put it into quotes")
        elif value in top.seen:
            self._fault(line, f"{value[:60]!r} is given twice, first on line {top.seen[value]}")
        name = value if isinstance(value, str) else str(text)
        top.seen.setdefault(name, line)
        top.name, top.named = name, True
        self._document.lines.setdefault((*top.path, name), line)

    def _place(self, line: int) -> Path:
        """The path of the value that begins on this line."""
        if not self._stack:
            path: Path = ()
        else:
            top = self._stack[-1]
            if isinstance(top.value, dict) and not top.named:
                self._fault(line, "a name is needed here, not a mapping or a list")
                top.name, top.named = f"on line {line}", True
            path = (*top.path, str(top.name) if isinstance(top.value, dict) else len(top.value))
        self._document.lines.setdefault(path, line)
        return path

    def _put(self, value: Any, size: int) -> None:
        """Into the mapping or list that is open, or as the whole."""
        if not self._stack:
            self._document.value = value
            return
        top = self._stack[-1]
        top.size += size
        if isinstance(top.value, dict):
            top.value.setdefault(top.name, value)
            top.named = False
        else:
            top.value.append(value)
