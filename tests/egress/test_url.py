"""URLs are read strictly, called as read, and shown without what may be a secret."""

from __future__ import annotations

import pytest

from rowcall.egress import EgressRefused
from rowcall.egress.url import Target, parse_url


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://example.com", Target("http", "example.com", 80, "/")),
        ("HTTPS://Example.COM./a?b=c#d", Target("https", "example.com", 443, "/a?b=c")),
        ("https://example.com:8443?x", Target("https", "example.com", 8443, "/?x")),
        ("http://my_service.local/", Target("http", "my_service.local", 80, "/")),
        ("http://xn--bcher-kva.example/", Target("http", "xn--bcher-kva.example", 80, "/")),
        ("http://[::1]:8000/", Target("http", "::1", 8000, "/")),
        ("http://[0:0::0:1]/", Target("http", "::1", 80, "/")),
        ("http://2130706433/", Target("http", "127.0.0.1", 80, "/")),
        ("http://0x7F000001/", Target("http", "127.0.0.1", 80, "/")),
        ("http://0x7f.0.0.1/", Target("http", "127.0.0.1", 80, "/")),
        ("http://017700000001/", Target("http", "127.0.0.1", 80, "/")),
        ("http://0177.0.0.01/", Target("http", "127.0.0.1", 80, "/")),
        ("http://127.1/", Target("http", "127.0.0.1", 80, "/")),
        ("http://127.0.0.1./", Target("http", "127.0.0.1", 80, "/")),
        ("http://h/%2e%2e/ü?q=ß", Target("http", "h", 80, "/%2e%2e/%C3%BC?q=%C3%9F")),
    ],
)
def test_a_url_is_read_as_one_target(url: str, target: Target) -> None:
    assert parse_url(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "http:example.com",
        "http://",
        "http:///path",
        "http://:80/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "unix:/run/postgresql",
        "http://user@example.com/",
        "http://user:word@example.com/",
        "http://example.com@127.0.0.1/",
        "http://@127.0.0.1/",
        "http://example.com:80@127.0.0.1/",
        "http://127.0.0.1\\@example.com/",
        "http:\\\\127.0.0.1/",
        "http://exa mple.com/",
        " http://example.com/",
        "http://example.com/\r\nHost: 127.0.0.1",
        "http://example.com/\x00",
        "http://exam\tple.com/",
        "http://127.0.0.1%2f@example.com/",
        "http://%31%32%37.0.0.1/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:80:81/",
        "http://example.com:-1/",
        "http://example..com/",
        "http://.example.com/",
        "http://example.com../",
        "http://-example.com/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 127 + "com/",
        "http://127.0.0.256/",
        "http://1.2.3.4.5/",
        "http://0x100000000/",
        "http://0xg.0x1/",
        "http://127.0.0.0x/1",
        "http://09.0.0.1/",
        "http://example.1/",
        "http://[::1/",
        "http://::1/",
        "http://[127.0.0.1]/",
        "http://[::1]x/",
        "http://x[::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[v1.x]/",
        "http://bücher.example/",
        "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://\u212aafka.example/",
        "http://example.com\u2044@127.0.0.1/",
        "http://ex\u00adample.com/",
        "http://h/\ud800",
        "http://h/" + "a" * 8192,
    ],
)
def test_an_unusual_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(EgressRefused, match="the URL can't be called: ") as raised:
        parse_url(url)
    assert len(str(raised.value)) < 120
    assert len(url) < 12 or url not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a/b", "https://example.com/a/b"),
        ("https://example.com:443/", "https://example.com/"),
        ("http://[::1]:8000/x?token=abc", "http://[::1]:8000/x?…"),
        ("https://h/send-monthly-statements/now", "https://h/send-monthly-statements/now"),
        (
            "https://hooks.example/services/T024BE7LD/aB3dE5gH7jK9mN1pQ3sT5vW7",
            "https://hooks.example/services/T024BE7LD/…",
        ),
        ("https://bots.example/bot110201543:AAHdqTcvCH1vGWJxfSe/send", "https://bots.example/…/send"),
    ],
)
def test_a_target_is_shown_without_query_and_without_tokens(url: str, shown: str) -> None:
    assert str(parse_url(url)) == shown


@pytest.mark.parametrize("netloc", ["user@h", "user:word@h", "@h", "h:80@127.0.0.1"])
def test_a_user_name_is_refused_with_the_way_to_send_one(netloc: str) -> None:
    with pytest.raises(EgressRefused, match="put credentials into a header"):
        parse_url(f"http://{netloc}/")


def test_a_long_target_is_shown_in_part() -> None:
    assert len(str(parse_url("https://example.com/" + "a/" * 2000 + "?secret"))) < 210


def test_the_authority_names_the_port_only_where_it_is_not_the_usual_one() -> None:
    assert parse_url("http://h:80/").authority == "h"
    assert parse_url("https://h:80/").authority == "h:80"
    assert parse_url("https://[::1]:8443/").authority == "[::1]:8443"
