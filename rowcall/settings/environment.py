"""Between a dataclass of settings and the environment: declaring, reading, and the table for people."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from rowcall.domain.errors import Fault, InvalidInput

PREFIX = "ROWCALL_"
_OURS = re.compile(r"ROWCALL_(?!TEST_)")  # the tests have settings of their own

# What Kubernetes puts into every pod beside a service that is called rowcall, or rowcall-something.
_SERVICE_LINK = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")
_SERVICE_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")

_UNITS = {"_seconds": "seconds", "_bytes": "bytes", "_days": "days"}


@dataclass(frozen=True)
class SettingDescription:
    """One row of the table of settings."""

    name: str
    default: str
    unit: str
    description: str


@dataclass(frozen=True)
class _Declared:
    """What a field of the settings carries besides its default."""

    read: Callable[[str], Any]
    description: str
    name: str | None
    unit: str | None
    shown: str | None
    secret: bool


def setting(
    read: Callable[[str], Any],
    default: Any,
    description: str,
    *,
    name: str | None = None,
    unit: str | None = None,
    shown: str | None = None,
    secret: bool = False,
) -> Any:
    """Declare a setting.

    `name` is by default ROWCALL_ and the field's name, `unit` what the field's name ends in, `shown` how the default is
    told to people. The value of a `secret` one is never part of a message.
    """
    declared = _Declared(read, description, name, unit, shown, secret)
    return field(default=default, repr=not secret, metadata={"setting": declared})


def read_environment(settings: Any, environ: Mapping[str, str], only: Collection[str] | None = None) -> dict[str, Any]:
    """The values that `environ` sets, by field, or `only` these fields; raises InvalidInput with every fault."""
    known = {_name(item): item for item in fields(settings)}
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, raw in environ.items():
        value = raw.strip()
        if not value or _is_service_link(name, value):
            continue
        if name not in known:
            if _OURS.match(name):
                faults.append(Fault(name, _unknown(name, known)))
            continue
        if only is not None and known[name].name not in only:
            continue
        declared = _declared(known[name])
        try:
            values[known[name].name] = declared.read(value)
        except ValueError as fault:
            found = "" if declared.secret else f"; found {value[:80]!r}"
            faults.append(Fault(name, f"{fault}{found}"))
    if faults:
        raise InvalidInput(sorted(faults, key=lambda fault: fault.field))
    return values


def describe(settings: Any) -> list[SettingDescription]:
    """The table of all settings, in the order of their declaration."""
    return [
        SettingDescription(_name(item), _shown(item), _unit(item), _declared(item).description)
        for item in fields(settings)
    ]


def _declared(item: Field[Any]) -> _Declared:
    declared: _Declared = item.metadata["setting"]
    return declared


def _name(item: Field[Any]) -> str:
    return _declared(item).name or PREFIX + item.name.upper()


def _unit(item: Field[Any]) -> str:
    guessed = next((unit for ending, unit in _UNITS.items() if item.name.endswith(ending)), "")
    return _declared(item).unit or guessed


def _shown(item: Field[Any]) -> str:
    shown = _declared(item).shown
    if shown is not None:
        return shown
    if isinstance(item.default, bool):
        return "on" if item.default else "off"
    if isinstance(item.default, tuple):
        return ",".join(item.default) or "none"
    return f"{item.default:g}" if isinstance(item.default, float) else str(item.default)


def _is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes put this here, and not a person. Someone who sets ROWCALL_PORT sets a number."""
    if not name.startswith(PREFIX.rstrip("_")):
        return False
    by_value = name.endswith("_PORT") and _SERVICE_LINK_VALUE.match(value)
    return bool(by_value or _SERVICE_LINK.fullmatch(name))


def _unknown(name: str, known: Mapping[str, object]) -> str:
    """What to say of a name that means nothing: most often it is a slip."""
    spelled = {(own if own.startswith(PREFIX) else PREFIX + own): own for own in known}
    close = difflib.get_close_matches(name, spelled, n=1)
    return f"there is no such setting; did you mean {spelled[close[0]]}?" if close else "there is no such setting"
