"""Results: what is kept of them, and what is refused."""

from __future__ import annotations

import json
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID

import pydantic
import pytest

from rowcall.worker.running.results import InvalidResult, encode_result

PLENTY = 10_000


class Color(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    at: object


class Model(pydantic.BaseModel):
    amount: Decimal
    at: datetime


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - the untyped kind is what is tested

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ({}, "{}"),
        ([1, 2.5, True, "a", None], '[1,2.5,true,"a",null]'),
        ("Grüße 🙂", '"Grüße 🙂"'),
        ({1: "a", None: "b"}, '{"1":"a","null":"b"}'),
        (NOON, '"2026-03-01T12:00:00+00:00"'),
        (date(2026, 3, 1), '"2026-03-01"'),
        (time(12, 30), '"12:30:00"'),
        (timedelta(minutes=1.5), "90.0"),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Decimal("1.10"), '"1.10"'),
        (Path("/a/b"), '"/a/b"'),
        (Color.RED, '"red"'),
        (Point(1, NOON), '{"x":1,"at":"2026-03-01T12:00:00+00:00"}'),
        (Model(amount=Decimal("1.10"), at=NOON), '{"amount":"1.10","at":"2026-03-01T12:00:00Z"}'),
        (Pair(1, 2), "[1,2]"),
        ({3}, "[3]"),
        (OrderedDict(a=frozenset()), '{"a":[]}'),
        (2**70, "1180591620717411303424"),
    ],
)
def test_a_result_becomes_json(value: object, text: str | None) -> None:
    assert encode_result(value, PLENTY) == text


def test_what_postgresql_cannot_hold_is_replaced_and_nothing_else() -> None:
    nul, escaped, surrogate = "a\0b", "a\\u0000b", "\ud800"
    kept = json.loads(encode_result({nul: [nul, escaped, surrogate, "\\" + nul]}, PLENTY) or "")
    assert kept == {"a\ufffdb": ["a\ufffdb", escaped, "\ufffd", "\\a\ufffdb"]}


def recursive() -> list[object]:
    value: list[object] = []
    value.append({"again": value})
    return value


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "result: an object has no form in JSON; return dicts"),
        ({"a": [1, {"b": b"x"}]}, r"result\.a\[1\]\.b: a bytes has no form in JSON; decode it"),
        ({"a": {(1, 2): 3}}, r"result\.a has a key that is a tuple: '\(1, 2\)'; keys are text"),
        ({"a": float("nan")}, r"result\.a is nan, a number that JSON doesn't have"),
        ([1.0, float("-inf")], r"result\[1\] is -inf"),
        (Point(1, object()), r"result\.at: an object"),
        (recursive(), r"result\[0\]\.again contains itself"),
        (deep(181), "nested more than 180 levels"),
        (deep(600), "nested more than 180 levels"),
        (deep(5000), "nested more than 180 levels|nested too deeply"),
        ([10**5000], "no form in JSON"),
        ({"n\0": object()}, "result.n\ufffd: an object"),
    ],
)
def test_what_has_no_place_in_json_is_refused_and_found(value: object, message: str) -> None:
    with pytest.raises(InvalidResult, match=message):
        encode_result(value, 100_000)


def test_a_result_is_kept_as_deep_as_it_can_be_told() -> None:
    assert encode_result(deep(180), PLENTY) == "[" * 180 + "1" + "]" * 180


def test_many_brackets_that_are_not_nested_are_no_depth() -> None:
    assert encode_result([[]] * 600 + ["[" * 600, '"[' * 600, "\\"], PLENTY)


@pytest.mark.parametrize("value", ["x" * 5000, '"' * 5000, "\\" * 5000, "ü🙂" * 2000, [{"k\n": i} for i in range(999)]])
def test_a_result_over_the_limit_keeps_its_beginning_and_its_size(value: object) -> None:
    whole = encode_result(value, 100_000)
    kept = encode_result(value, 1000)
    assert whole is not None
    assert kept is not None
    assert 400 < len(kept.encode()) <= 1000
    told = json.loads(kept)
    assert told["truncated"] is True
    assert told["bytes"] == len(whole.encode())
    assert whole.startswith(told["head"])


def test_a_result_of_just_the_limit_is_kept_whole() -> None:
    assert encode_result("x" * 98, 100) == '"' + "x" * 98 + '"'
    assert "truncated" in (encode_result("x" * 99, 100) or "")
