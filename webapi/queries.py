"""Reading a query string into a model: every name known, every name once unless it is a list, every fault told."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any, TypeVar, cast, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict
from starlette.requests import Request

from rowcall.domain.documents import text_fault
from rowcall.domain.errors import Fault, InvalidInput
from rowcall.domain.faults import read_partly
from rowcall.domain.triggers import read_local

from .problems import InvalidParameters


def spaced_plus(text: str) -> str:
    """A moment whose `+` became a space, as it does in a query string that was not escaped."""
    return re.sub(r" (\d\d:?\d\d)$", r"+\1", text)


def _read_moment(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return read_local(spaced_plus(text), "UTC", "moment")
    except InvalidInput as invalid:
        raise ValueError(invalid.faults[0].message) from None


Moment = Annotated[datetime, BeforeValidator(_read_moment)]
"""A moment in a query string; without an offset it is UTC."""


class Query(BaseModel):
    """The parameters of an operation; each field is one of them, lists may be repeated."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Q = TypeVar("Q", bound=Query)


def read_query(request: Request, model: type[Q]) -> Q:
    """The query string as the model. Raises InvalidParameters with every fault."""
    if not request.scope["query_string"] and _without(model) is not None:
        return cast("Q", _without(model))
    given: dict[str, Any] = {}
    faults: list[Fault] = []
    for name in request.query_params:
        values = request.query_params.getlist(name)
        faults += [Fault(name, fault) for value in values if (fault := text_fault(value)) is not None]
        if _is_list(model, name):
            given[name] = values
        elif len(values) > 1:
            faults.append(Fault(name, "may be given once"))
        else:
            given[name] = values[0]
    read, misfits = read_partly(model, given)
    if faults or misfits or read is None:
        raise InvalidParameters(faults + misfits)
    return read


@cache
def _without(model: type[Query]) -> Query | None:
    """What no parameters at all mean, which most requests have; None where some are needed."""
    return read_partly(model, {})[0]


def _is_list(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and get_origin(field.annotation) is list
