"""Keeping known values out of what is written down: errors, results, excerpts, in the spellings that servers echo."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote, quote_plus

from .client import Response

PUT_IN_PLACE = "[secret]"
SHORTEST_END = 4
"""So many bytes of a value at the end of what was cut off are taken for its beginning."""


class Redactor:
    """Puts [secret] in the place of these values, however an answer spells them."""

    def __init__(self, values: Iterable[str]) -> None:
        spelled = {spelling for value in values for spelling in _spellings(value)}
        self._spellings = sorted(spelled, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without them."""
        for spelling in self._spellings:
            text = text.replace(spelling, PUT_IN_PLACE)
        return text

    def response(self, response: Response) -> Response:
        """The answer without them, where it was cut off in the middle of one too."""
        if not self._spellings:
            return response
        body = response.body
        for spelling in self._spellings:
            body = body.replace(spelling.encode(), PUT_IN_PLACE.encode())
        if response.truncated:
            body = self._without_beginning_of_one(body)
        headers = {name: self.text(value) for name, value in response.headers.items()}
        return replace(response, body=body, headers=headers)

    def _without_beginning_of_one(self, body: bytes) -> bytes:
        for spelling in self._spellings:
            raw = spelling.encode()
            for length in range(len(raw) - 1, SHORTEST_END - 1, -1):
                if body.endswith(raw[:length]):
                    return body[:-length] + PUT_IN_PLACE.encode()
        return body


def _spellings(value: str) -> Iterable[str]:
    raw = value.encode()
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(value, safe="")
    yield quote_plus(value)
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
