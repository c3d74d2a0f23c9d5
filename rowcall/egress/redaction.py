"""Keeping known values out of what is written down: errors, results, excerpts, in the spellings that servers echo.

An encoder decides for each character by itself whether to escape it, and no two decide alike: what JSON may write as it
is, PHP escapes with a backslash, .NET by its number, and a browser for a URL. So each character is looked for in all of
these spellings. `re` keeps the patterns that it made.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from .client import Response

PUT_IN_PLACE = "[secret]"
SHORTEST_END = 4
"""So many characters of a value at the end of what was cut off are taken for its beginning."""

_CUT = r"(?:[\\%][\\%u0-9a-fA-F]{0,10}|[\x80-\xff]{0,3})\Z"
"""What the cut has left of one character: an escape that breaks off, the first of its bytes, or nothing."""


class Redactor:
    """Puts [secret] in the place of these values, however an answer spells them."""

    def __init__(self, values: Iterable[str]) -> None:
        longest_first = sorted(set(values), key=len, reverse=True)
        self._spellings = [spelling for value in longest_first for spelling in _spellings(value)]

    def text(self, text: str) -> str:
        """The text without them."""
        for characters in self._spellings:
            text = re.sub("".join(characters), PUT_IN_PLACE, text)
        return text

    def document(self, value: Any) -> Any:
        """A JSON value without them, in names as in texts."""
        if not self._spellings:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(name): self.document(part) for name, part in value.items()}
        return [self.document(part) for part in value] if isinstance(value, list) else value

    def response(self, response: Response) -> Response:
        """The answer without them, where it was cut off in the middle of one too."""
        if not self._spellings:
            return response
        body = response.body
        for characters in self._spellings:
            spelled = _at_a_cut(characters) if response.truncated else "".join(characters)
            body = re.sub(spelled.encode(), PUT_IN_PLACE.encode(), body)
        headers = {name: self.text(value) for name, value in response.headers.items()}
        return replace(response, body=body, headers=headers)


def _spellings(value: str) -> Iterator[list[str]]:
    """Patterns, one for each character. Backslashes are either all escaped or all not: where both were looked for at
    once, a pattern could match in so many ways that it takes for ever to find that it does not."""
    yield [_spelled(character, r"\\\\" if character == "\\" else None) for character in value]
    if "\\" in value:
        yield [_spelled(character) for character in value]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(value.encode()).decode().rstrip("=")
        yield [_spelled(character) if character in "+/" else character for character in encoded]


def _spelled(character: str, itself: str | None = None) -> str:
    r"""As \uXXXX (two beyond 16 bits), as %XX for each byte, as itself, or behind a backslash; a blank as + too."""
    itself = itself or re.escape(character)
    units = character.encode("utf-16-be").hex()
    numbers = "".join(rf"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    in_url = "".join(f"%{byte:02x}" for byte in character.encode())
    more = {"\\": "", " ": r"|[+]|\\ "}.get(character, rf"|\\{itself}")
    return f"(?:(?i:{numbers}|{in_url})|{itself}{more})"


def _at_a_cut(characters: list[str]) -> str:
    """The pattern of the whole, or of so much of it as stands before the end."""
    return "".join(characters[:SHORTEST_END]) + "".join(f"(?:{each}|{_CUT})" for each in characters[SHORTEST_END:])
