"""The allow list, what it opens, and what nothing opens."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from rowcall.domain.errors import InvalidInput
from rowcall.egress import Policy


def objection(allow: str, host: str, port: int, *addresses: str, denied: tuple[str, ...] = ()) -> str | None:
    return Policy.parse(allow, denied).objection(host, port, [ip_address(address) for address in addresses])


def test_without_an_entry_the_public_internet_is_allowed_and_nothing_else() -> None:
    assert objection("", "example.com", 443, "93.184.216.34", "2606:2800:220:1::1") is None
    assert objection("", "example.com", 443, "10.0.0.1") is not None


def test_one_bad_address_among_good_ones_refuses_them_all() -> None:
    said = objection("", "example.com", 443, "93.184.216.34", "10.0.0.1")
    assert said is not None
    assert "10.0.0.1" in said


def test_an_objection_says_what_was_sought_what_was_found_and_which_setting_decides() -> None:
    assert objection("", "db.example.com", 8080, "10.0.0.9") == (
        "db.example.com:8080 was not called: db.example.com is found at 10.0.0.9, which is not public; "
        "to allow it, the operator adds db.example.com:8080 to ROWCALL_HTTP_ALLOW"
    )


@pytest.mark.parametrize("host", ["10.0.0.9", "::1", "::ffff:10.0.0.9", "api.internal"])
def test_what_an_objection_advises_does_allow_the_call(host: str) -> None:
    found = "10.0.0.9" if host == "api.internal" else host
    said = objection("", host, 8080, found)
    assert said is not None
    advice = said.partition("adds ")[2].partition(" to ROWCALL")[0]
    assert objection(advice, host, 8080, found) is None


@pytest.mark.parametrize(
    ("entry", "host", "port", "address"),
    [
        ("10.0.0.0/8", "a.example", 80, "10.200.0.1"),
        ("10.0.0.0/8:8080", "a.example", 8080, "10.200.0.1"),
        ("127.0.0.1", "127.0.0.1", 9000, "127.0.0.1"),
        ("127.0.0.1:8000", "127.0.0.1", 8000, "127.0.0.1"),
        ("10.0.0.0/8", "::ffff:a00:1", 80, "::ffff:10.0.0.1"),
        ("10.0.0.0/8", "64:ff9b::a00:1", 80, "64:ff9b::a00:1"),
        ("::ffff:10.0.0.0/104", "a.example", 80, "10.0.0.1"),
        ("::1", "::1", 80, "::1"),
        ("[::1]:8000", "::1", 8000, "::1"),
        ("[fd00::/8]:443", "a.example", 443, "fd12::1"),
        ("fd00::/8", "a.example", 443, "fd12::1"),
        ("localhost", "localhost", 1, "127.0.0.1"),
        ("LocalHost.", "localhost", 1, "127.0.0.1"),
        ("api.internal:8080", "api.internal", 8080, "10.0.0.1"),
        ("*.internal", "api.internal", 80, "10.0.0.1"),
        ("*.internal", "a.b.internal", 80, "fd00::1"),
        ("*.internal:80", "api.internal", 80, "10.0.0.1"),
        (" 192.168.0.0/16 , ,localhost ", "localhost", 80, "127.0.0.1"),
        ("0.0.0.0/0", "a.example", 80, "127.0.0.1"),
    ],
)
def test_an_entry_allows(entry: str, host: str, port: int, address: str) -> None:
    assert objection(entry, host, port, address) is None


@pytest.mark.parametrize(
    ("entry", "host", "port", "address"),
    [
        ("10.0.0.0/8", "a.example", 80, "172.16.0.1"),
        ("10.0.0.0/8:8080", "a.example", 80, "10.200.0.1"),
        ("127.0.0.1:8000", "127.0.0.1", 8001, "127.0.0.1"),
        ("127.0.0.1", "localhost", 80, "::1"),
        ("*.internal", "internal", 80, "10.0.0.1"),
        ("*.internal", "api.internal.example", 80, "10.0.0.1"),
        ("*.internal", "apiinternal", 80, "10.0.0.1"),
        ("api.internal", "x.api.internal", 80, "10.0.0.1"),
        ("api.internal:8080", "api.internal", 80, "10.0.0.1"),
        ("localhost", "other", 80, "127.0.0.1"),
        ("0.0.0.0/0", "a.example", 80, "::1"),
        ("fd00::/8", "64:ff9b::a00:1", 80, "64:ff9b::a00:1"),
    ],
)
def test_an_entry_allows_no_more_than_it_says(entry: str, host: str, port: int, address: str) -> None:
    assert objection(entry, host, port, address) is not None


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "168.63.129.16", "::ffff:169.254.169.254"])
def test_no_entry_opens_a_metadata_address(address: str) -> None:
    said = objection("0.0.0.0/0, ::/0, *.internal, metadata.internal", "metadata.internal", 80, address)
    assert said is not None
    assert "ROWCALL_HTTP_ALLOW can't allow it" in said


def test_a_metadata_address_inside_an_allowed_dress_is_still_refused() -> None:
    assert objection("::/0, 0.0.0.0/0", "x.example", 80, "64:ff9b:1::a9fe:a9fe") is not None


@pytest.mark.parametrize(
    "denied", ["127.0.0.1:5432", "127.0.0.1", "127.0.0.0/8:5432", "localhost:5432", "[::ffff:127.0.0.1]:5432"]
)
def test_no_entry_opens_rowcalls_own_database(denied: str) -> None:
    said = objection("127.0.0.1, localhost", "localhost", 5432, "127.0.0.1", denied=(denied,))
    assert said is not None
    assert "own database" in said


def test_a_denied_port_leaves_the_other_ports_alone() -> None:
    assert objection("127.0.0.1", "localhost", 8080, "127.0.0.1", denied=("127.0.0.1:5432",)) is None


def test_denied_names_are_named_for_the_look_up_on_their_ports() -> None:
    policy = Policy.parse("", ["db.internal:5432", "api.internal", "*.rowcall.internal", "10.0.0.1:5432"])
    assert policy.own_names(5432) == ("db.internal", "api.internal")
    assert policy.own_names(80) == ("api.internal",)


@pytest.mark.parametrize("unspecified", ["0.0.0.0:8000", "[::]:8000"])
def test_an_unspecified_address_among_the_denied_means_this_machine(unspecified: str) -> None:
    policy = Policy.parse("", [unspecified])
    assert policy.denies_this_machine(8000)
    assert not policy.denies_this_machine(8001)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("10.0.0.1/8", "host bits"),
        ("10.0.0.0/33", "10.0.0.0/33"),
        ("300.1.1.1", "300.1.1.1"),
        ("2130706433", "2130706433"),
        ("http://api.internal", "write a network"),
        ("api.internal/path", "write a network"),
        ("*", "write a network"),
        ("api.*", "write a network"),
        ("*internal", "write a network"),
        ("-api.internal", "write a network"),
        ("user@api.internal", "write a network"),
        ("bücher.example", "write a network"),
        ("api.internal:0", "a port lies between"),
        ("api.internal:99999", "a port lies between"),
        ("api.internal:http", "write a network"),
        ("169.254.169.254", "ROWCALL_HTTP_ALLOW can't allow"),
        ("fe80::/10", "ROWCALL_HTTP_ALLOW can't allow"),
    ],
)
def test_a_bad_entry_is_refused_with_a_reason(entry: str, told: str) -> None:
    with pytest.raises(InvalidInput, match="http_allow") as raised:
        Policy.parse(entry)
    assert told in str(raised.value)


def test_every_bad_entry_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as raised:
        Policy.parse("10.0.0.1/8, localhost, *", denied=["nonsense:"])
    assert [fault.field for fault in raised.value.faults] == ["http_allow", "http_allow", "denied"]
