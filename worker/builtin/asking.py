"""What input_data asks for: ``{"name": "refresh-sales", "parameters": {"day": "2026-11-27"}}``, and nothing else.

A parameter whose name begins with ``run.`` is filled in by the worker, and can't be given: a schedule says the same in
every run, and its occurrence is what differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol, TypeVar

from rowcall.app import Run
from rowcall.domain.errors import Fault, InvalidInput

OURS = "run."
OF_THE_RUN: Mapping[str, Callable[[Run], object]] = {
    "run.scheduled_for": lambda run: run.scheduled_for.isoformat(),
    "run.scheduled_date": lambda run: run.scheduled_for.date().isoformat(),
    "run.execution_id": lambda run: run.execution_id,
    "run.schedule_id": lambda run: run.schedule_id,
    "run.schedule_name": lambda run: run.schedule_name,
    "run.attempt": lambda run: run.attempt,
    "run.fence": lambda run: run.fence,
    "run.idempotency_key": lambda run: run.idempotency_key,
}

_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


class Asked(Protocol):
    """What the operator wrote down, as far as asking for it is concerned."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters, those of the run included."""


Named = TypeVar("Named", bound=Asked)


def check_parameters(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of parameters that can be names; raises ValueError for others, and for one that is repeated."""
    for name in names:
        if name.startswith(OURS) and name not in OF_THE_RUN:
            raise ValueError(f"{name[:60]!r} is none of {', '.join(OF_THE_RUN)}")
        if not name.startswith(OURS) and not _PARAMETER.fullmatch(name):
            raise ValueError(f"{name[:60]!r} must be letters, digits and underscores")
    if len(set(names)) < len(names):
        raise ValueError("a parameter is named twice")
    return names


def asked_for(run: Run, known: Mapping[str, Named], what: str) -> tuple[Named, dict[str, object]]:
    """What a run asks for, and the values of its parameters in their order.

    `what` is what the operator has names for. Raises InvalidInput with all that is wrong with input_data.
    """
    asked: Any = run.input_data
    if not isinstance(asked, dict):
        raise InvalidInput.of("input_data", "an object with name and parameters is expected")
    faults = [Fault(f"input_data.{key[:60]}", "is none of name, parameters") for key in asked.keys() - _FIELDS]
    name, given = asked.get("name"), asked.get("parameters", {})
    if not isinstance(name, str) or name not in known:
        raise InvalidInput([*faults, Fault("input_data.name", _unknown(name, sorted(known), what))])
    named = known[name]
    if not isinstance(given, dict):
        raise InvalidInput(
            [*faults, Fault("input_data.parameters", "an object is expected: each parameter by its name")]
        )
    wanted = [parameter for parameter in named.parameters if parameter not in OF_THE_RUN]
    listed = ", ".join(wanted) or "none"
    faults += [
        Fault(f"input_data.parameters.{key[:60]}", f"{name} has no such parameter; it takes: {listed}")
        for key in given
        if key not in wanted
    ]
    faults += [
        Fault(f"input_data.parameters.{key}", f"is missing; {name} takes: {listed}")
        for key in wanted
        if key not in given
    ]
    if faults:
        raise InvalidInput(faults)
    return named, {each: OF_THE_RUN[each](run) if each in OF_THE_RUN else given[each] for each in named.parameters}


_FIELDS = frozenset({"name", "parameters"})


def _unknown(name: object, known: Sequence[str], what: str) -> str:
    """What to say of a name that the operator did not write down."""
    if name is None:
        return f"is missing; the operator wrote down these {what}: {', '.join(known)}"
    close = get_close_matches(str(name)[:100], known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"no {what.removesuffix('s')} {str(name)[:100]!r} was written down; there are: {', '.join(known)}{hint}"
