"""Which addresses this installation calls: what is public, plus what the operator allowed, minus what is never called.

The policy is asked with the addresses that a name was found at, all of them, at the moment of connecting. Names decide
nothing by themselves, except where the operator wrote one down. Pure: no look-up happens here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from rowcall.domain.errors import Fault, InvalidInput

from .addresses import Address, Network, forms, is_public, network_never_called, never_called, plain_network

SETTING = "ROWCALL_HTTP_ALLOW"
GRAMMAR = "write a network (10.0.0.0/8), an address (127.0.0.1), a host (api.internal) or hosts below one (*.internal)"
_WITH_PORT = re.compile(r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<bare>[^\[\]:]*))(?::(?P<port>[0-9]{1,5}))?")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_NUMERIC = re.compile(r"[0-9./]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a list: a network, or the pattern of a host; on one port, or on all."""

    port: int | None
    network: Network | None = None
    host: str | None = None

    @classmethod
    def parse(cls, entry: str) -> Rule:
        """Read `10.0.0.0/8`, `127.0.0.1:8000`, `[fd00::/8]:443`, `localhost`, `*.internal:8080`. Raises ValueError."""
        text, port = _split_port(entry.lower())
        if ":" in text or _NUMERIC.fullmatch(text):
            return cls(port, network=plain_network(ip_network(text)))
        host = text.removesuffix(".")
        if not _HOST.fullmatch(host):
            raise ValueError(GRAMMAR)
        return cls(port, host=host)

    @classmethod
    def allowing(cls, entry: str) -> Rule:
        """Read an entry of the allow list: one that could never allow anything is a ValueError too."""
        rule = cls.parse(entry)
        why = None if rule.network is None else network_never_called(rule.network)
        if why is not None:
            raise ValueError(f"{SETTING} can't allow an address {why}")
        return rule

    def on(self, port: int) -> bool:
        """Whether the rule speaks of this port."""
        return self.port is None or self.port == port

    def names(self, host: str, port: int) -> bool:
        """Whether the rule names this host."""
        if self.host is None or not self.on(port):
            return False
        return host.endswith(self.host[1:]) if self.host.startswith("*.") else host == self.host

    def covers(self, form: Address, port: int) -> bool:
        """Whether the rule's network contains this address."""
        return self.network is not None and self.on(port) and form in self.network


def _split_port(entry: str) -> tuple[str, int | None]:
    if entry.count(":") > 1 and not entry.startswith("["):
        return entry, None  # a bare IPv6 address or network
    parts = _WITH_PORT.fullmatch(entry)
    if parts is None:
        raise ValueError(GRAMMAR)
    port = None if parts["port"] is None else int(parts["port"])
    if port is not None and not 1 <= port <= 65535:
        raise ValueError("a port lies between 1 and 65535")
    return parts["bracketed"] or parts["bare"] or "", port


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be called. `Policy()` allows the public internet and nothing else."""

    allow: tuple[Rule, ...] = ()
    denied: tuple[Rule, ...] = ()

    @classmethod
    def parse(cls, allow: str, denied: Iterable[str] = ()) -> Policy:
        """Build the policy from the setting's text, entries separated by commas.

        `denied` are Rowcall's own addresses (database, API) in the same grammar: no entry of `allow` opens them, and
        0.0.0.0 or :: among them stands for every address of this machine. Raises InvalidInput with every bad entry.
        """
        entries = [entry.strip() for entry in allow.split(",") if entry.strip()]
        faults: list[Fault] = []
        rules = (_rules("http_allow", entries, Rule.allowing, faults), _rules("denied", denied, Rule.parse, faults))
        if faults:
            raise InvalidInput(faults)
        return cls(*rules)

    def own_names(self, port: int) -> tuple[str, ...]:
        """The denied hosts whose addresses must be known before anything on this port is called."""
        return tuple(rule.host for rule in self.denied if rule.host and "*" not in rule.host and rule.on(port))

    def denies_this_machine(self, port: int) -> bool:
        """Whether the denied addresses include all of this machine's own on this port."""
        return any(
            rule.network is not None and rule.network.network_address.is_unspecified and rule.on(port)
            for rule in self.denied
        )

    def objection(self, host: str, port: int, addresses: Iterable[Address], own: Container[Address] = ()) -> str | None:
        """Why `host` found at these addresses may not be called, as a sentence; None if it may.

        All of them must be allowed: one bad address among good ones is how a name is made to lead inside. `own` are
        more addresses of Rowcall itself, found by look-up.
        """
        allowed_by_name = any(rule.names(host, port) for rule in self.allow)
        own_by_name = any(rule.names(host, port) for rule in self.denied)
        for address in addresses:
            for form in forms(address):
                final = never_called(form)
                if final is None and (own_by_name or form in own or self._denies(form, port)):
                    final = "where Rowcall's own database or API answers"
                if final is not None:
                    return _refused(host, port, address, f"{final}; {SETTING} can't allow it")
                if not (allowed_by_name or is_public(form) or self._allows(form, port)):
                    where = authority(host if host != str(address) else str(form), port)
                    return _refused(
                        host, port, address, f"which is not public; to allow it, the operator adds {where} to {SETTING}"
                    )
        return None

    def _allows(self, form: Address, port: int) -> bool:
        return any(rule.covers(form, port) for rule in self.allow)

    def _denies(self, form: Address, port: int) -> bool:
        return any(rule.covers(form, port) for rule in self.denied)


def _rules(field: str, entries: Iterable[str], read: Callable[[str], Rule], faults: list[Fault]) -> tuple[Rule, ...]:
    rules = []
    for entry in entries:
        try:
            rules.append(read(entry))
        except ValueError as fault:
            faults.append(Fault(field, f"{entry[:80]!r} can't be used: {fault}"))
    return tuple(rules)


def authority(host: str, port: int) -> str:
    """Both as one entry of a list, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refused(host: str, port: int, address: Address, why: str) -> str:
    found = "it is" if host == str(address) else f"{host} is found at"
    return f"{authority(host, port)} was not called: {found} {address}, {why}"
