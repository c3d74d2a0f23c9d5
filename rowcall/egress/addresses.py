"""What an IP address is, for the question whether it may be called.

`ipaddress` alone does not answer it: on Python 3.11 `is_global` is true for a loopback address dressed as NAT64 or
6to4, for multicast and for 192.0.0.8, and its tables differ from one release to the next. So the ranges that matter
stand here, and an address that carries another one inside is judged by both.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LINK_LOCAL = "which is link-local, where clouds hand out a machine's credentials"
METADATA = "where a cloud hands out a machine's credentials"
NOT_A_HOST = "which is no single host's address"
THIS_MACHINE = "which means this machine, whatever it is"

NEVER_CALLED: dict[Network, str] = {
    ip_network("0.0.0.0/8"): THIS_MACHINE,
    ip_network("::/128"): THIS_MACHINE,
    ip_network("169.254.0.0/16"): LINK_LOCAL,
    ip_network("fe80::/10"): LINK_LOCAL,
    ip_network("224.0.0.0/4"): NOT_A_HOST,
    ip_network("ff00::/8"): NOT_A_HOST,
    ip_network("255.255.255.255/32"): NOT_A_HOST,
    ip_network("100.100.100.200/32"): METADATA,  # Alibaba
    ip_network("168.63.129.16/32"): METADATA,  # Azure: the one that looks public
    ip_network("192.0.0.192/32"): METADATA,  # Oracle
    ip_network("fd00:42::42/128"): METADATA,  # Scaleway
    ip_network("fd00:ec2::/64"): METADATA,  # Amazon
    ip_network("fd20:ce::254/128"): METADATA,  # Google
}
"""No setting opens these; the text completes "… is an address"."""

MAPPED = IPv6Network("::ffff:0:0/96")
NAT64 = IPv6Network("64:ff9b::/96")
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
PUBLIC_V6 = (IPv6Network("2000::/3"), NAT64)
NOT_PUBLIC = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),  # the way into 6to4
    IPv4Network("100.64.0.0/10"),  # carriers' NAT
    IPv6Network("2001::/23"),  # Teredo among others
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),  # 6to4, given up long ago
    IPv6Network("3fff::/20"),
)


def plain(address: Address) -> Address:
    """The address without the IPv6 dress of an IPv4 one, and without a zone (`%eth0`)."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


def plain_network(network: Network) -> Network:
    """The network without the IPv6 dress of an IPv4 one."""
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        inside = IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
        return IPv4Network((inside, network.prefixlen - MAPPED.prefixlen))
    return network


def forms(address: Address) -> Iterator[Address]:
    """The plain address, then each IPv4 address that travels inside: a packet may end at any of them."""
    outer = plain(address)
    yield outer
    if isinstance(outer, IPv4Address):
        return
    if outer.sixtofour is not None:
        yield outer.sixtofour
    if outer.teredo is not None:
        yield from outer.teredo
    if outer in NAT64 or outer in NAT64_LOCAL:
        yield IPv4Address(int(outer) & 0xFFFF_FFFF)


def is_public(form: Address) -> bool:
    """Whether this is an address of the public internet, by its own outer form alone."""
    if any(form in network for network in NOT_PUBLIC):
        return False
    if isinstance(form, IPv6Address):
        return any(form in network for network in PUBLIC_V6)
    return form.is_global and not form.is_multicast and not form.is_reserved


def never_called(form: Address) -> str | None:
    """Why no setting can allow this address, or None."""
    return next((why for network, why in NEVER_CALLED.items() if form in network), None)


def network_never_called(network: Network) -> str | None:
    """Why no setting can allow any address of this network, or None where at least one can be allowed."""
    for closed, why in NEVER_CALLED.items():
        if isinstance(network, IPv4Network) and isinstance(closed, IPv4Network) and network.subnet_of(closed):
            return why
        if isinstance(network, IPv6Network) and isinstance(closed, IPv6Network) and network.subnet_of(closed):
            return why
    return None
