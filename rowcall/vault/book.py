"""What the file of secrets says: names, values, who may use them, and where they may be sent. Pure."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from rowcall.domain.errors import Conflict, Fault, InvalidInput, NotFound

SIGNING = "webhooks"
"""The name under which webhooks are signed; `webhooks/acme` is the client acme's own."""

EVERY_CLIENT = "*"
SHORTEST_VALUE = 8
LONGEST_VALUE = 8192
_SIGNING_PREFIX = "whsec_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_HOST = re.compile(r"(\*\.)?[a-z0-9_:.-]{1,253}")
_HOW_TO_BIND = (
    "must be a host name in lower case such as api.example.com or *.example.com, without a port, or an address"
)


def signing_name(client_id: str) -> str:
    """The name of a client's own signing secret."""
    return f"{SIGNING}/{client_id}"


def is_signing(name: str) -> bool:
    """Whether a secret signs webhooks: then nothing else may use it."""
    return name == SIGNING or name.startswith(f"{SIGNING}/")


def new_value(name: str) -> str:
    """A random value of 256 bits, in the form that its use asks for."""
    if is_signing(name):
        return _SIGNING_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(32)


def check_name(name: str) -> str:
    """The name, if a secret can have it. Raises InvalidInput."""
    if _NAME.fullmatch(name) or (is_signing(name) and name.isprintable() and 0 < len(name) - len(SIGNING) - 1 <= 200):
        return name
    raise InvalidInput.of(
        "name", f"is 1 to 100 letters, digits, dots, dashes and underscores, or {SIGNING}/CLIENT, not {name[:60]!r}"
    )


def _check_value(value: str) -> str:
    if not SHORTEST_VALUE <= len(value) <= LONGEST_VALUE:
        raise ValueError(f"must have {SHORTEST_VALUE} to {LONGEST_VALUE} characters, not {len(value)}")
    if not value.isprintable():
        raise ValueError("must be one line of printable characters")
    return value


def _check_host(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise ValueError(_HOW_TO_BIND)
    return host


def _as_called(host: str) -> str:
    """The host as a call names it: a colon stands in an IPv6 address only. Raises InvalidInput.

    In a file that is there it is left alone: it never matches, which is no reason to take all other secrets away.
    """
    try:
        return str(ip_address(host)) if ":" in host else host
    except ValueError:
        raise InvalidInput.of("hosts", _HOW_TO_BIND) from None


Value = Annotated[str, AfterValidator(_check_value)]


class Secret(BaseModel):
    """One secret. `values` are the newest first: two while it is being rotated, and both are valid."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    values: Annotated[list[Value], Field(min_length=1, max_length=2, repr=False)]
    clients: list[str] = []
    hosts: list[Annotated[str, AfterValidator(_check_host)]] = []

    def may_be_used_by(self, client_id: str) -> bool:
        """Whether the operator granted it to this client."""
        return client_id in self.clients or EVERY_CLIENT in self.clients

    def may_be_sent_to(self, host: str) -> bool:
        """Whether it may leave for this host; without any named, for all that may be called."""
        return not self.hosts or any(
            host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:])) for allowed in self.hosts
        )


class SecretBook(BaseModel):
    """All secrets by name. What changes it gives a new book."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    secrets: dict[str, Secret] = {}

    @classmethod
    def read(cls, text: str, where: str) -> SecretBook:
        """The book that a file holds. Raises InvalidInput with every fault, and never with a value."""
        try:
            book = cls.model_validate_json(text)
        except ValidationError as invalid:
            raise InvalidInput([_fault(where, error) for error in invalid.errors(include_input=False)]) from None
        for name, secret in book.secrets.items():
            check_name(name)
            if is_signing(name):
                _check_signing(secret.values, f"{where}: {name}")
        return book

    def write(self) -> str:
        """The text of the file."""
        return self.model_dump_json(indent=2) + "\n"

    def find(self, name: str) -> Secret:
        """The secret of this name. Raises NotFound."""
        if name not in self.secrets:
            raise NotFound(f"there is no secret {name[:100]!r}; rowcall secrets list names those there are")
        return self.secrets[name]

    def signing_values(self, client_id: str) -> Sequence[str]:
        """What signs a client's webhooks, the newest first: its own secret, else the installation's; or nothing."""
        found = self.secrets.get(signing_name(client_id)) or self.secrets.get(SIGNING)
        return [] if found is None else found.values

    def create(self, name: str, value: str, clients: Sequence[str], hosts: Sequence[str]) -> SecretBook:
        """With one more. Raises Conflict where the name is taken, InvalidInput for what can't be kept."""
        if check_name(name) in self.secrets:
            raise Conflict(f"there is a secret {name!r} already; rowcall secrets rotate gives it another value")
        if is_signing(name) and (clients or hosts):
            raise InvalidInput.of("name", "a secret that signs webhooks is granted to nobody")
        bound = [_as_called(host) for host in hosts]
        return self._with(name, {"values": [value], "clients": list(clients), "hosts": bound})

    def rotate(self, name: str, value: str) -> SecretBook:
        """With another value; the one before stays valid until it is retired, or the next rotation."""
        return self._with(name, {"values": [value, self.find(name).values[0]]})

    def retire(self, name: str) -> SecretBook:
        """With the newest value only."""
        return self._with(name, {"values": self.find(name).values[:1]})

    def grant(self, name: str, clients: Sequence[str], *, revoke: bool = False) -> SecretBook:
        """Granted to these clients too, or to them no more."""
        secret = self.find(name)
        if is_signing(name):
            raise InvalidInput.of("name", "a secret that signs webhooks is granted to nobody")
        kept = [client for client in secret.clients if client not in clients]
        return self._with(name, {"clients": kept if revoke else sorted([*kept, *clients])})

    def remove(self, name: str) -> SecretBook:
        """Without this one."""
        self.find(name)
        return SecretBook(secrets={other: secret for other, secret in self.secrets.items() if other != name})

    def _with(self, name: str, changes: Mapping[str, Any]) -> SecretBook:
        before = self.secrets[name].model_dump() if name in self.secrets else {}
        try:
            secret = Secret.model_validate({**before, **changes})
        except ValidationError as invalid:
            raise InvalidInput([_fault(name, error) for error in invalid.errors(include_input=False)]) from None
        if is_signing(name):
            _check_signing(secret.values, name)
        return SecretBook(secrets={**self.secrets, name: secret})


def _check_signing(values: Sequence[str], where: str) -> None:
    for value in values:
        try:
            key = base64.b64decode(value.removeprefix(_SIGNING_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not value.startswith(_SIGNING_PREFIX) or not 24 <= len(key) <= 64:
            raise InvalidInput.of(
                where, f"must be {_SIGNING_PREFIX} and 24 to 64 bytes in base64; left out, one is made"
            )


def _fault(where: str, error: Any) -> Fault:
    place = ".".join(str(part) for part in error["loc"])
    return Fault(f"{where}: {place}" if place else where, str(error["msg"]).removeprefix("Value error, "))
