"""One request, one answer, within a deadline and a size; whatever the other side does."""

from __future__ import annotations

import asyncio
import gzip
import socket
from contextlib import suppress

import pytest

from rowcall.egress import EgressFailed, EgressRefused, HttpClient, Policy
from rowcall.egress.client import USER_AGENT
from tests.egress.conftest import Get, Names, Replying, Seen, Serve
from tests.listening import listening

MEGABYTE = 2**20
PATIENCE = 30.0
"""Seconds, for what comes at once unless a machine has much else to do."""


async def test_a_request_arrives_as_it_was_given(serve: Serve, replying: Replying) -> None:
    site = await serve(replying(b"done", status=201, X_Note="one"))
    async with HttpClient(Policy.parse("127.0.0.1")) as client:
        response = await client.request(
            "PUT",
            f"{site.url}/a/b?c=d#e",
            headers={"X-Own": "yes", "Authorization": "Bearer abc"},
            body=b"text",
            timeout_seconds=5,
            max_response_bytes=100,
        )

    [seen] = site.seen
    assert (seen.method, seen.path, seen.body) == ("PUT", "/a/b?c=d", b"text")
    assert seen.headers == {
        "host": f"127.0.0.1:{site.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
        "x-own": "yes",
        "authorization": "Bearer abc",
        "content-length": "4",
    }
    assert (response.status, response.body, response.truncated) == (201, b"done", False)
    assert response.headers == {"content-length": "4", "x-note": "one"}
    assert 0 < response.elapsed_seconds < 5


@pytest.mark.parametrize(("method", "length"), [("GET", None), ("DELETE", None), ("POST", "0"), ("PATCH", "0")])
async def test_a_request_without_body_says_so_where_one_is_usual(
    method: str, length: str | None, serve: Serve, replying: Replying
) -> None:
    site = await serve(replying())
    async with HttpClient(Policy.parse("127.0.0.1")) as client:
        await client.request(method, site.url, headers={}, body=None, timeout_seconds=5, max_response_bytes=1)
    assert site.seen[0].headers.get("content-length") == length


async def test_repeated_headers_are_joined(get: Get, serve: Serve) -> None:
    site = await serve(b"HTTP/1.1 200 OK\r\nVary: a\r\nvary: b\r\nContent-Length: 0\r\n\r\n")
    assert (await get(site.url)).headers["vary"] == "a, b"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_inside_is_reported_and_not_followed(
    status: int, get: Get, serve: Serve, replying: Replying
) -> None:
    inside = await serve(replying(b"inside"))
    site = await serve(replying(status=status, location=inside.url))

    response = await get(site.url)

    assert (response.status, response.headers["location"]) == (status, inside.url)
    assert (inside.connections, len(site.seen)) == (0, 1)


async def test_a_body_that_drips_is_cut_off_at_the_deadline(get: Get, serve: Serve) -> None:
    async def drip(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    site = await serve(drip)
    with pytest.raises(EgressFailed, match=r"answered 200, but did not end within 1 s \(\d+ bytes came\)") as raised:
        await asyncio.wait_for(get(site.url, timeout_seconds=1), timeout=PATIENCE)
    assert (raised.value.status, raised.value.timed_out) == (200, True)


async def test_headers_that_drip_are_cut_off_at_the_deadline(get: Get, serve: Serve) -> None:
    async def drip(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not writer.is_closing():
            writer.write(b"x-more: 1\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    site = await serve(drip)
    with pytest.raises(EgressFailed, match=r"no answer within 0\.3 s") as raised:
        await asyncio.wait_for(get(site.url, timeout_seconds=0.3), timeout=PATIENCE)
    assert (raised.value.status, raised.value.timed_out) == (None, True)


async def test_a_look_up_that_hangs_is_cut_off_at_the_deadline(get: Get) -> None:
    async def never(host: str, port: int) -> None:
        await asyncio.Event().wait()

    with pytest.raises(EgressFailed, match=r"no answer within 0\.1 s"):
        await asyncio.wait_for(get("http://slow.example/", timeout_seconds=0.1, resolve=never), timeout=PATIENCE)


@pytest.mark.parametrize("limits", [{"timeout_seconds": 0.2}, {"connect_timeout_seconds": 0.2}])
async def test_a_tls_handshake_that_hangs_is_cut_off_and_its_connection_closed(
    limits: dict[str, float], get: Get, serve: Serve
) -> None:
    gone = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()
        writer.close()

    async with listening(swallow) as port:
        with pytest.raises(EgressFailed) as raised:
            await asyncio.wait_for(get(f"https://127.0.0.1:{port}/", **limits), timeout=PATIENCE)
        await asyncio.wait_for(gone.wait(), timeout=PATIENCE)
    assert raised.value.timed_out


async def test_tls_is_asked_for_by_name_though_the_connection_goes_to_an_address(get: Get, names: type[Names]) -> None:
    hello = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello.set_result(await reader.read(2000))
        writer.close()

    async with listening(listen) as port:
        with pytest.raises(EgressFailed):
            await get(f"https://named.internal:{port}/", resolve=names(named_internal=[["127.0.0.1"]]))
        assert b"named.internal" in await asyncio.wait_for(hello, timeout=PATIENCE)


async def test_a_big_body_is_read_up_to_the_limit_and_its_connection_closed(get: Get, serve: Serve) -> None:
    cut = asyncio.Event()

    async def pour(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {10 * MEGABYTE}\r\n\r\n".encode())
        try:
            for _ in range(10):
                writer.write(b"x" * MEGABYTE)
                await writer.drain()
            await writer.wait_closed()
        finally:
            cut.set()

    site = await serve(pour)
    response = await get(site.url, most=1000)
    assert (response.body, response.truncated) == (b"x" * 1000, True)
    await asyncio.wait_for(cut.wait(), timeout=PATIENCE)


async def test_a_body_without_announced_end_is_read_up_to_the_limit(get: Get, serve: Serve) -> None:
    async def pour(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"400\r\n" + b"y" * 1024 + b"\r\n")
            await writer.drain()

    site = await serve(pour)
    response = await get(site.url, most=100_000)
    assert (response.body, response.truncated) == (b"y" * 100_000, True)


@pytest.mark.parametrize(("size", "truncated"), [(99, False), (100, False), (101, True)])
async def test_only_what_is_above_the_limit_counts_as_cut(
    size: int, truncated: bool, get: Get, serve: Serve, replying: Replying
) -> None:
    site = await serve(replying(b"z" * size))
    response = await get(site.url, most=100)
    assert (len(response.body), response.truncated) == (min(size, 100), truncated)


async def test_a_compressed_body_is_never_unpacked(get: Get, serve: Serve, replying: Replying) -> None:
    bomb = gzip.compress(b"\x00" * 10 * MEGABYTE)
    site = await serve(replying(bomb, content_encoding="gzip"))

    assert (await get(site.url)).body == bomb
    response = await get(site.url, most=500)

    assert (response.body, response.truncated) == (bomb[:500], True)
    assert response.headers["content-encoding"] == "gzip"
    assert {seen.headers["accept-encoding"] for seen in site.seen} == {"identity"}


async def test_endless_headers_are_not_collected(get: Get, serve: Serve) -> None:
    async def pour(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not writer.is_closing():
            writer.write(b"x-more: " + b"h" * 1000 + b"\r\n")
            await writer.drain()

    site = await serve(pour)
    with pytest.raises(EgressFailed, match="Receive buffer too long"):
        await get(site.url)


async def test_an_answer_that_is_announced_without_end_is_cut_off_before_the_deadline(get: Get, serve: Serve) -> None:
    async def announce(seen: Seen, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
                await writer.drain()

    site = await serve(announce)
    with pytest.raises(EgressFailed, match="262144 bytes came, and no answer among them") as raised:
        await get(site.url, timeout_seconds=60)
    assert not raised.value.timed_out


@pytest.mark.parametrize("announced", [0, 3])
async def test_what_announces_an_answer_is_passed_over(
    announced: int, get: Get, serve: Serve, replying: Replying
) -> None:
    site = await serve(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * announced + replying(b"x" * 900_000))

    assert len((await get(site.url, most=MEGABYTE)).body) == 900_000


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "Server disconnected without sending a response"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "illegal status line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "peer closed connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length"),
    ],
)
async def test_a_broken_answer_is_a_failure(answer: bytes, told: str, get: Get, serve: Serve) -> None:
    async def say(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    site = await serve(say)
    with pytest.raises(EgressFailed, match=told):
        await get(site.url)


async def test_a_connection_broken_off_is_a_failure(get: Get, serve: Serve) -> None:
    async def abort(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01" + b"\x00" * 7)
        writer.transport.abort()

    site = await serve(abort)
    with pytest.raises(EgressFailed, match=f"http://127.0.0.1:{site.port}/: ") as raised:
        await get(site.url)
    assert not raised.value.timed_out


async def test_a_closed_port_is_a_failure_that_names_the_address(get: Get, serve: Serve, replying: Replying) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = taken.getsockname()[1]
        with pytest.raises(EgressFailed, match=r"no connection: 127\.0\.0\.1: Connection refused") as raised:
            await get(f"http://127.0.0.1:{port}/x?token=hush")
    assert "hush" not in str(raised.value)
    assert f"http://127.0.0.1:{port}/x?…" in str(raised.value)


async def test_a_server_without_tls_is_a_failure(get: Get, serve: Serve) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with listening(plain) as port:
        with pytest.raises(EgressFailed, match="SSL"):
            await get(f"https://127.0.0.1:{port}/")


async def test_a_header_that_frames_the_message_is_refused_before_anything_is_sent(
    serve: Serve, replying: Replying
) -> None:
    site = await serve(replying())
    async with HttpClient(Policy.parse("127.0.0.1")) as client:
        with pytest.raises(EgressRefused, match="'Host' is set by Rowcall"):
            await client.request(
                "GET", site.url, headers={"Host": "x"}, body=None, timeout_seconds=5, max_response_bytes=1
            )
    assert site.connections == 0


async def test_a_cancelled_request_leaves_no_connection_behind(serve: Serve) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        gone.set()
        writer.close()

    async with (
        listening(hang) as port,
        HttpClient(Policy.parse("127.0.0.1")) as client,
    ):
        url = f"http://127.0.0.1:{port}/"
        request = asyncio.create_task(
            client.request("GET", url, headers={}, body=None, timeout_seconds=60, max_response_bytes=1)
        )
        await asyncio.wait_for(asked.wait(), timeout=PATIENCE)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await asyncio.wait_for(gone.wait(), timeout=PATIENCE)


async def test_more_requests_than_connections_wait_their_turn(serve: Serve, replying: Replying) -> None:
    site = await serve(replying(b"ok"))
    async with HttpClient(Policy.parse("127.0.0.1"), max_connections=2) as client:
        answers = await asyncio.gather(
            *(
                client.request("GET", site.url, headers={}, body=None, timeout_seconds=5, max_response_bytes=10)
                for _ in range(20)
            )
        )
    assert [answer.body for answer in answers] == [b"ok"] * 20
    assert site.connections <= 2
