"""Names of secrets in input: where they may stand, who may use them, and where they may be sent."""

from __future__ import annotations

import pytest

from rowcall.domain.errors import InvalidInput
from rowcall.vault import SecretBook
from rowcall.vault.references import has_references, resolve

BOOK = (
    SecretBook()
    .create("open", "open-value", ["*"], [])
    .create("acmes", "acmes-value", ["acme"], [])
    .create("bound", "bound-value", ["acme"], ["api.example.com", "*.partner.example"])
    .rotate("acmes", "acmes-newer-value")
)
NAMED = {"headers": {"X": {"$secret": "bound"}}}


def test_names_are_replaced_by_the_newest_value_and_all_values_are_to_be_redacted() -> None:
    given = {"url": "https://x/", "headers": {"A": {"$secret": "acmes", "prefix": "Bearer "}}, "json": [{"a": 1}, None]}
    resolved = resolve(given, BOOK, "acme", "x")
    assert resolved.input_data == {**given, "headers": {"A": "Bearer acmes-newer-value"}}
    assert resolved.values == {"acmes-value", "acmes-newer-value"}


@pytest.mark.parametrize(
    "value", [{"$secret": "open"}, {"deep": [{"$secret": "open"}]}, [1, {"x": {"$secret": "open"}}]]
)
def test_they_are_found_wherever_they_stand_in_json(value: str) -> None:
    assert has_references({"json": value})
    assert "open-value" in str(resolve({"json": value}, BOOK, "anyone", "x").input_data)


@pytest.mark.parametrize("value", [None, "open", {"secret": "open"}, ["$secret"], 7])
def test_other_values_are_left_alone(value: str) -> None:
    assert not has_references({"json": value})
    assert resolve({"json": value}, BOOK, "anyone", "x").input_data == {"json": value}


@pytest.mark.parametrize("host", ["api.example.com", "a.partner.example", "a.b.partner.example"])
def test_a_bound_one_is_sent_to_its_hosts(host: str) -> None:
    assert resolve(NAMED, BOOK, "acme", host).values == {"bound-value"}


@pytest.mark.parametrize(
    "host", ["example.com", "partner.example", "evilpartner.example", "api.example.com.evil.example", "", "127.0.0.1"]
)
def test_a_bound_one_is_sent_nowhere_else(host: str) -> None:
    with pytest.raises(InvalidInput, match="has no secret 'bound'"):
        resolve(NAMED, BOOK, "acme", host)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as raised:
        resolve({"url": {"$secret": "open"}, "json": [{"$secret": "acmes"}, {"$secret": ""}]}, BOOK, "zoo", "x")
    assert [fault.field for fault in raised.value.faults] == [
        "input_data.url",
        "input_data.json.0",
        "input_data.json.1",
    ]
    assert "value" not in str(raised.value)
