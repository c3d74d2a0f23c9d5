"""URLs written to reach the inside: refused, with the setting named, and not a byte sent."""

from __future__ import annotations

import pytest

from rowcall.egress import EgressRefused, HttpClient, Policy
from tests.egress.conftest import Get, Replying, Serve

INSIDE = [
    "127.0.0.1",
    "127.1",
    "127.000.000.001",
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "017700000001",
    "0177.0.0.1",
    "0.0.0.0",
    "0",
    "127.0.0.1.",
    "[::1]",
    "[::]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7F00:1]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "10.0.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.0.0.8",
    "100.64.0.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fc00::1]",
    "224.0.0.1",
    "[ff02::1]",
    "240.0.0.1",
    "255.255.255.255",
    "localhost",
    "LOCALHOST",
    "localhost.",
]


@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_address_inside_is_refused_and_the_setting_named(
    host: str, scheme: str, get: Get, serve: Serve, replying: Replying
) -> None:
    site = await serve(replying(b"inside"))

    with pytest.raises(EgressRefused, match="ROWCALL_HTTP_ALLOW") as raised:
        await get(f"{scheme}://{host}:{site.port}/", allow="")

    assert f":{site.port} was not called: " in str(raised.value)
    assert site.connections == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "[::]", "[fe80::1]", "224.0.0.1", "[fd00:ec2::254]"])
async def test_the_worst_are_refused_even_where_everything_is_allowed(host: str, get: Get) -> None:
    with pytest.raises(EgressRefused, match="ROWCALL_HTTP_ALLOW can't allow it"):
        await get(f"http://{host}/", allow="0.0.0.0/0, ::/0")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@example.com/",
        "http://127.0.0.1:{port} @example.com/",
        "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
        "http://１２７.0.0.1:{port}/",
        "http://127。0。0。1:{port}/",
        "http://127.0.0.1%00.example.com:{port}/",
        "gopher://127.0.0.1:{port}/",
        "file://127.0.0.1:{port}/etc/passwd",
        "ws://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/\r\nX-Injected: 1",
    ],
)
async def test_a_trick_in_writing_is_refused_even_where_its_end_is_allowed(
    url: str, get: Get, serve: Serve, replying: Replying
) -> None:
    site = await serve(replying(b"inside"))

    with pytest.raises(EgressRefused, match="the URL can't be called"):
        await get(url.format(port=site.port), allow="0.0.0.0/0, ::/0, localhost")

    assert site.connections == 0


async def test_another_spelling_of_an_allowed_address_is_the_same_address(
    get: Get, serve: Serve, replying: Replying
) -> None:
    site = await serve(replying(b"inside"))
    for host in ("127.0.0.1", "2130706433", "0x7f.1", "127.0.0.1."):
        assert (await get(f"http://{host}:{site.port}/")).body == b"inside"
    assert {seen.headers["host"] for seen in site.seen} == {f"127.0.0.1:{site.port}"}


@pytest.mark.parametrize("proxy", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_the_environment_names_no_proxy(
    proxy: str, monkeypatch: pytest.MonkeyPatch, get: Get, serve: Serve, replying: Replying
) -> None:
    proxy_site, site = await serve(replying(b"proxy")), await serve(replying(b"direct"))
    monkeypatch.setenv(proxy, proxy_site.url)

    assert (await get(site.url)).body == b"direct"
    assert proxy_site.connections == 0


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", ""])
async def test_a_method_outside_the_list_is_refused(method: str, serve: Serve, replying: Replying) -> None:
    site = await serve(replying())
    async with HttpClient(Policy.parse("127.0.0.1")) as client:
        with pytest.raises(EgressRefused, match="use one of DELETE, GET"):
            await client.request(method, site.url, headers={}, body=None, timeout_seconds=5, max_response_bytes=10)
    assert site.connections == 0
