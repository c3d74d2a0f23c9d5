"""Known values are kept out of what is written down, however an answer spells them, and where it was cut."""

from __future__ import annotations

import base64
import json
import re
import struct
from urllib.parse import quote, quote_plus

import pytest

from rowcall.egress import Redactor, Response

VALUE = 'p/a+s"s\\wö𝄞rd=&?'
PHP = json.dumps(VALUE).replace("/", "\\/")
DOTNET = re.sub(r"[&'+<>`]", lambda sign: f"\\u{ord(sign[0]):04X}", json.dumps(VALUE))
GO = re.sub(r"[&<>]", lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(VALUE, ensure_ascii=False))
BROWSER = quote(VALUE, safe="!'()*")
NUMBERS = "".join(f"\\u{unit:04X}" for unit in struct.unpack(f">{len(VALUE) + 1}H", VALUE.encode("utf-16-be")))


def answer(body: bytes, *, truncated: bool = False, **headers: str) -> Response:
    return Response(200, headers, body, truncated, 0.1)


@pytest.mark.parametrize(
    "spelled",
    [
        VALUE,
        json.dumps(VALUE),
        json.dumps(VALUE, ensure_ascii=False),
        PHP,
        DOTNET,
        GO,
        NUMBERS,
        BROWSER,
        BROWSER.lower(),
        quote(VALUE).replace("/", "\\/"),
        quote(VALUE, safe=""),
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(VALUE.encode()).decode(),
        base64.b64encode(VALUE.encode()).decode().replace("/", "\\/"),
        quote(base64.b64encode(VALUE.encode()), safe=""),
    ],
)
def test_every_spelling_is_found(spelled: str) -> None:
    redacted = Redactor([VALUE]).response(answer(f"<{spelled}>".encode(), location=f"/?t={spelled}"))
    assert b"[secret]" in redacted.body
    assert spelled.strip('"=').encode() not in redacted.body
    assert "[secret]" in redacted.headers["location"]
    assert "[secret]" in Redactor([VALUE]).text(f"the server said {spelled}")


@pytest.mark.parametrize("length", range(4, len("0123456789abcdef")))
def test_the_beginning_of_one_at_the_cut_is_taken_away(length: int) -> None:
    body = b"you sent " + b"0123456789abcdef"[:length]
    redactor = Redactor(["0123456789abcdef"])
    assert redactor.response(answer(body, truncated=True)).body == b"you sent [secret]"
    assert redactor.response(answer(body)).body == body


@pytest.mark.parametrize("spelled", [VALUE, PHP[1:-1], NUMBERS, BROWSER.lower()])
def test_the_beginning_of_any_spelling_at_the_cut_is_taken_away(spelled: str) -> None:
    """Four characters of it, and then wherever it was cut: within an escape, or between the bytes of one character."""
    redactor, whole = Redactor([VALUE]), spelled.encode()
    for length in range(4 * 6, len(whole)):
        assert redactor.response(answer(b">" + whole[:length], truncated=True)).body == b">[secret]", whole[:length]


@pytest.mark.parametrize("value", ["two words", "two  words", "C:\\a\\b\\c", "100%25%25", "tab\\t+1"])
def test_values_that_look_like_an_escape_are_found(value: str) -> None:
    redactor = Redactor([value])
    for spelled in (value, json.dumps(value)[1:-1], quote(value), quote_plus(value)):
        assert redactor.text(f"<{spelled}>") == "<[secret]>", spelled


@pytest.mark.parametrize("value", ["\\" * 60 + "x", "\\%" * 60 + "x", "%25" * 60 + "x"])
def test_what_is_nearly_a_value_is_told_from_it_at_once(value: str) -> None:
    for text in (value[:-1] + "y", json.dumps(value[:-1]) + "y", quote(value[:-1]) + "y", "\\" * 200):
        assert Redactor([value]).text(text) == text
        assert Redactor([value]).response(answer(text.encode() + b" ", truncated=True)).body == text.encode() + b" "


def test_a_document_is_freed_of_them_in_names_and_texts() -> None:
    document = {"p/a": [VALUE, 1, None, {VALUE: True}], "else": f"<{VALUE}>"}
    assert Redactor([VALUE]).document(document) == {
        "p/a": ["[secret]", 1, None, {"[secret]": True}],
        "else": "<[secret]>",
    }
    assert Redactor([]).document(document) is document


def test_the_longer_of_two_goes_first() -> None:
    assert Redactor(["token-one", "token-one-and-two"]).text("token-one-and-two, token-one") == "[secret], [secret]"


def test_without_values_an_answer_is_left_as_it_is() -> None:
    response = answer(b"anything", truncated=True)
    assert Redactor([]).response(response) is response
