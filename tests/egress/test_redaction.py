"""Known values are kept out of what is written down, however an answer spells them, and where it was cut."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from rowcall.egress import Redactor, Response

VALUE = 'p/a+s"s\\wörd=&?'


def answer(body: bytes, *, truncated: bool = False, **headers: str) -> Response:
    return Response(200, headers, body, truncated, 0.1)


@pytest.mark.parametrize(
    "spelled",
    [
        VALUE,
        json.dumps(VALUE),
        json.dumps(VALUE, ensure_ascii=False),
        quote(VALUE, safe=""),
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(VALUE.encode()).decode(),
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


def test_the_longer_of_two_goes_first() -> None:
    assert Redactor(["token-one", "token-one-and-two"]).text("token-one-and-two, token-one") == "[secret], [secret]"


def test_without_values_an_answer_is_left_as_it_is() -> None:
    response = answer(b"anything", truncated=True)
    assert Redactor([]).response(response) is response
