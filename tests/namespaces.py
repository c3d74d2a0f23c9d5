"""Hosts with an address of their own, on one machine: network namespaces, each joined to ours by a cable that can fail.

here   10.213.n.1  ──────  10.213.n.2   the host's namespace, in which its programs run
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass


class NoNamespaces(Exception):
    """This machine does not allow them; the message says why."""


@dataclass(frozen=True, slots=True)
class Host:
    """One namespace. What is run behind `prefix` runs there."""

    name: str
    number: int

    @property
    def here(self) -> str:
        """Our address, as the host sees us."""
        return f"10.213.{self.number}.1"

    @property
    def there(self) -> str:
        return f"10.213.{self.number}.2"

    @property
    def prefix(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def cut_off(self) -> None:
        """Pull the cable: nothing arrives on either side, and nobody is told."""
        _ip("link", "set", "dev", self.name, "down")

    def fall_half_open(self) -> None:
        """What the host sends arrives; no answer reaches it."""
        _ip("route", "replace", "blackhole", f"{self.there}/32")

    def mend(self) -> None:
        """All is well again; connections that still stand go on."""
        _ip("link", "set", "dev", self.name, "up")
        with contextlib.suppress(NoNamespaces):  # it was not there
            _ip("route", "del", "blackhole", f"{self.there}/32")


@contextlib.contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts; they and their cables are gone at the end. Raises NoNamespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise NoNamespaces("network namespaces need root, and the program ip (iproute2)")
    token, first = secrets.token_hex(3), secrets.randbelow(240 - count)
    made = [Host(f"rc{token}{number}", first + number) for number in range(count)]
    try:
        for host in made:
            _join(host)
        yield made
    finally:
        for host in made:
            with contextlib.suppress(NoNamespaces):  # it was never made
                host.mend()
                _ip("netns", "del", host.name)


def _join(host: Host) -> None:
    _ip("netns", "add", host.name)
    _ip("link", "add", host.name, "type", "veth", "peer", "name", "outside", "netns", host.name)
    _ip("address", "add", f"{host.here}/30", "dev", host.name)
    _ip("link", "set", "dev", host.name, "up")
    for command in (("address", "add", f"{host.there}/30", "dev", "outside"), ("link", "set", "dev", "outside", "up")):
        _ip("-n", host.name, *command)
    _ip("-n", host.name, "link", "set", "dev", "lo", "up")


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoNamespaces(f"ip {' '.join(words)}: {done.stderr.strip()}")
