"""`{"$secret": "name"}`: where it may stand, and the value that is sent in its place.

    {"url": "https://api.example.com/", "headers": {"Authorization": {"$secret": "partner", "prefix": "Bearer "}}}

It may stand for a header's value, for `body`, and anywhere in `json`. What is not there, not granted, and not for this
host is refused in the same words, so that nobody finds out by trying which names there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rowcall.domain.errors import Fault, InvalidInput

from .book import SecretBook, is_signing

MARK = "$secret"
PLACES = ("headers", "json", "body")


@dataclass(frozen=True, slots=True)
class Resolved:
    """Input with values in the place of names, and those values, to be kept out of all that is written down."""

    input_data: Mapping[str, Any]
    values: frozenset[str]


def has_references(value: object) -> bool:
    """Whether a name of a secret stands anywhere in it."""
    if isinstance(value, Mapping):
        return MARK in value or any(has_references(inner) for inner in value.values())
    return isinstance(value, list) and any(has_references(inner) for inner in value)


def resolve(input_data: Mapping[str, Any], book: SecretBook, client_id: str, host: str) -> Resolved:
    """Put values in the place of names. Raises InvalidInput with a fault for each that can't be used."""
    resolver = _Resolver(book, client_id, host)
    found = {
        name: resolver.replaced(value, f"input_data.{name}") if name in PLACES else resolver.left(value, name)
        for name, value in input_data.items()
    }
    if resolver.faults:
        raise InvalidInput(resolver.faults)
    return Resolved(found, frozenset(resolver.values))


class _Resolver:
    def __init__(self, book: SecretBook, client_id: str, host: str) -> None:
        self._book = book
        self._client_id = client_id
        self._host = host
        self.faults: list[Fault] = []
        self.values: set[str] = set()

    def replaced(self, value: Any, path: str) -> Any:
        match value:
            case Mapping() if MARK in value:
                return self._value(value, path)
            case Mapping():
                return {name: self.replaced(inner, f"{path}.{name}") for name, inner in value.items()}
            case list():
                return [self.replaced(inner, f"{path}.{index}") for index, inner in enumerate(value)]
        return value

    def left(self, value: Any, name: str) -> Any:
        if has_references(value):
            self.faults.append(Fault(f"input_data.{name}", f"holds no secrets; {', '.join(PLACES)} may"))
        return value

    def _value(self, reference: Mapping[str, Any], path: str) -> str:
        name, prefix = reference[MARK], reference.get("prefix", "")
        if set(reference) - {MARK, "prefix"} or not isinstance(name, str) or not isinstance(prefix, str):
            self.faults.append(Fault(path, f'must be {{"{MARK}": "name"}}, with a text "prefix" where one is needed'))
            return ""
        secret = None if is_signing(name) else self._book.secrets.get(name)
        if secret is None or not secret.may_be_used_by(self._client_id) or not secret.may_be_sent_to(self._host):
            self.faults.append(Fault(path, self._refusal(name)))
            return ""
        self.values.update(secret.values)
        return prefix + secret.values[0]

    def _refusal(self, name: str) -> str:
        return (
            f"the client {self._client_id!r} has no secret {name[:100]!r} for {self._host}; "
            "the operator makes and grants them: rowcall secrets create, rowcall secrets grant"
        )
