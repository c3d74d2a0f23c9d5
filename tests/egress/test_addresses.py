"""What an address is. The table is one case a line: address, whether it is public by all its forms."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowcall.egress.addresses import forms, is_public, network_never_called, never_called, plain_network
from rowcall.egress.policy import Policy

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NOT_PUBLIC = [
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "2001:0:53aa:64c:0:0:0:1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_public_in_all_its_forms(text: str) -> None:
    assert all(is_public(form) for form in forms(ip_address(text)))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_an_address_with_one_form_inside_is_not_public(text: str) -> None:
    assert not all(is_public(form) for form in forms(ip_address(text)))


@pytest.mark.parametrize(
    ("dressed", "inside"),
    [
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("64:ff9b::a00:1", "10.0.0.1"),
        ("64:ff9b:1::a00:1", "10.0.0.1"),
        ("2002:a00:1::", "10.0.0.1"),
        ("2001:0:a00:1:0:0:0:0", "10.0.0.1"),  # Teredo: the server
        ("2001:0:808:808:0:0:f5ff:fffe", "10.0.0.1"),  # Teredo: the client, its bits turned over
    ],
)
def test_an_ipv4_address_is_found_inside_every_dress(dressed: str, inside: str) -> None:
    assert IPv4Address(inside) in list(forms(ip_address(dressed)))


def test_a_mapped_address_has_no_form_but_the_plain_one() -> None:
    assert list(forms(ip_address("::ffff:10.0.0.1"))) == [IPv4Address("10.0.0.1")]


def test_a_zone_hides_nothing() -> None:
    assert list(forms(ip_address("fe80::1%eth0"))) == [IPv6Address("fe80::1")]


@given(st.integers(0, 2**32 - 1))
def test_a_dress_never_makes_an_address_more_welcome(number: int) -> None:
    bare = IPv4Address(number)
    dresses = [
        IPv6Address(int(IPv6Address("::ffff:0:0")) | number),
        IPv6Address(int(IPv6Address("64:ff9b::")) | number),
        IPv6Address(int(IPv6Address("2002::")) | number << 80),
    ]
    refused = Policy().objection("example.com", 80, [bare]) is not None
    for dress in dresses:
        assert not refused or Policy().objection("example.com", 80, [dress]) is not None


@given(st.integers(0, 2**32 - 1))
def test_whatever_python_calls_private_is_not_public(number: int) -> None:
    address = IPv4Address(number)
    assert not (is_public(address) and (address.is_private or address.is_loopback or address.is_link_local))


@pytest.mark.parametrize(
    "text",
    ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0"],
)
def test_metadata_addresses_are_never_called(text: str) -> None:
    assert never_called(ip_address(text)) is not None


def test_a_network_is_closed_only_when_all_of_it_is() -> None:
    assert network_never_called(ip_network("169.254.169.0/24")) is not None
    assert network_never_called(ip_network("fe80::/16")) is not None
    assert network_never_called(ip_network("0.0.0.0/0")) is None
    assert network_never_called(ip_network("::/0")) is None


def test_a_mapped_network_is_the_ipv4_network_it_stands_for() -> None:
    assert plain_network(ip_network("::ffff:10.0.0.0/104")) == ip_network("10.0.0.0/8")
    assert plain_network(ip_network("fd00::/8")) == ip_network("fd00::/8")
