"""Names of secrets in input: where they may stand, who may use them, and where they may be sent."""

from __future__ import annotations

import pytest

from rowcall.domain.errors import InvalidInput
from rowcall.egress.url import parse_url
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


@pytest.mark.parametrize(
    ("bound", "called"),
    [
        ("my_service.internal", "http://my_service.internal/"),
        ("*.my_zone.internal", "http://a.my_zone.internal/"),
        ("127.0.0.1", "http://127.0.0.1:8080/"),
        ("fd00::8", "http://[fd00::8]:8443/"),
        ("fd00:0:0::8", "http://[fd00::8]/"),
    ],
)
def test_whatever_can_be_called_can_be_bound(bound: str, called: str) -> None:
    book = SecretBook().create("bound", "bound-value", ["acme"], [bound])
    assert resolve(NAMED, book, "acme", parse_url(called).host).values == {"bound-value"}


@pytest.mark.parametrize("host", ["api.example.com:8443", "127.0.0.1:80", "[::1]", "::1:80000", "a:b", ":", "*.a:80"])
def test_a_host_that_could_never_match_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match=r"must be a host name in lower case .*, without a port, or an address"):
        SecretBook().create("bound", "bound-value", ["acme"], [host])


def test_a_file_that_names_such_a_host_is_read_all_the_same() -> None:
    """It was accepted once, and nothing that is signed or sent depends on it."""
    book = SecretBook.read('{"secrets": {"a": {"values": ["a-value-1"], "hosts": ["api.example.com:8443"]}}}', "here")
    assert not book.find("a").may_be_sent_to("api.example.com")
