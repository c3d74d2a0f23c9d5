"""Headers that would change where a request ends, or whom it is for, are not sent."""

from __future__ import annotations

import pytest

from rowcall.egress import EgressRefused
from rowcall.egress.headers import checked


def test_ordinary_headers_pass_under_lower_case_names() -> None:
    assert checked({"Authorization": "Bearer abc ", "X-Note": "a\tb"}) == {
        "authorization": "Bearer abc",
        "x-note": "a\tb",
    }


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "CONTENT-LENGTH",
        "Transfer-Encoding",
        "connection",
        "Upgrade",
        "TE",
        "Expect",
        "Accept-Encoding",
        "Proxy-X",
    ],
)
def test_headers_that_frame_the_message_are_refused(name: str) -> None:
    with pytest.raises(EgressRefused, match="is set by Rowcall"):
        checked({name: "x"})


def test_a_reserved_header_is_refused_whatever_its_case() -> None:
    with pytest.raises(EgressRefused, match="'Idempotency-KEY' is set by Rowcall"):
        checked({"Idempotency-KEY": "x"}, reserved=frozenset({"idempotency-key"}))


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nhost", "ü", "x" * 129, "host "])
def test_a_malformed_name_is_refused(name: str) -> None:
    with pytest.raises(EgressRefused, match="a name that HTTP does not allow"):
        checked({name: "x"})


@pytest.mark.parametrize("value", ["a\r\nHost: evil", "a\nb", "a\rb", "a\x00b", "a\x7fb", "ü", "\u010d\u010a"])
def test_a_value_with_a_line_break_or_control_character_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(EgressRefused, match="'X-Secret' contains") as raised:
        checked({"X-Secret": f"hush{value}"})
    assert "hush" not in str(raised.value)


def test_a_header_given_in_two_cases_is_refused() -> None:
    with pytest.raises(EgressRefused, match="'x-a' is given twice"):
        checked({"X-A": "1", "x-a": "2"})


def test_too_much_is_refused() -> None:
    with pytest.raises(EgressRefused, match="longer than 8192"):
        checked({"X-A": "a" * 8193})
    with pytest.raises(EgressRefused, match="65 headers were given; at most 64"):
        checked({f"x-{number}": "1" for number in range(65)})
