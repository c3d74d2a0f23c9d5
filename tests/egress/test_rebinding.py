"""A name that answers differently the second time finds no second time."""

from __future__ import annotations

import pytest

from rowcall.egress import EgressFailed, EgressRefused, HttpClient, Policy, Response
from tests.egress.conftest import Names, Replying, Serve

FIRST_GOOD_THEN_BAD = [["127.0.0.1"], ["127.0.0.2"]]


async def send(client: HttpClient, url: str) -> Response:
    return await client.request("GET", url, headers={}, body=None, timeout_seconds=5, max_response_bytes=100)


async def test_one_look_up_is_made_and_its_answer_is_what_is_connected_to(
    serve: Serve, replying: Replying, names: type[Names]
) -> None:
    site = await serve(replying(b"good"))
    resolve = names(turning_example=FIRST_GOOD_THEN_BAD)
    async with HttpClient(Policy.parse(f"127.0.0.1:{site.port}"), resolve=resolve) as client:
        response = await send(client, f"http://turning.example:{site.port}/")

    assert response.body == b"good"
    assert resolve.asked == [("turning.example", site.port)]
    assert site.seen[0].headers["host"] == f"turning.example:{site.port}"


async def test_a_later_connection_is_judged_by_its_own_look_up(
    serve: Serve, replying: Replying, names: type[Names]
) -> None:
    site = await serve(replying(b"good", connection="close"))
    resolve = names(turning_example=FIRST_GOOD_THEN_BAD)
    async with HttpClient(Policy.parse(f"127.0.0.1:{site.port}"), resolve=resolve) as client:
        await send(client, f"http://turning.example:{site.port}/")
        with pytest.raises(EgressRefused, match=r"turning.example is found at 127\.0\.0\.2.*ROWCALL_HTTP_ALLOW"):
            await send(client, f"http://turning.example:{site.port}/")

    assert len(site.seen) == 1


@pytest.mark.parametrize("answers", [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "::1"]])
async def test_a_name_with_one_bad_address_is_refused_before_any_connection(
    answers: list[str], serve: Serve, replying: Replying, names: type[Names]
) -> None:
    site = await serve(replying(b"good"))
    resolve = names(mixed_example=[answers])
    async with HttpClient(Policy.parse(f"127.0.0.1:{site.port}"), resolve=resolve) as client:
        with pytest.raises(EgressRefused, match=r"mixed\.example is found at"):
            await send(client, f"http://mixed.example:{site.port}/")

    assert site.connections == 0


async def test_the_next_address_is_tried_where_one_does_not_answer(
    serve: Serve, replying: Replying, names: type[Names]
) -> None:
    site = await serve(replying(b"second"))
    resolve = names(two_example=[["127.0.0.3", "127.0.0.1"]])
    async with HttpClient(Policy.parse("127.0.0.0/8"), resolve=resolve) as client:
        assert (await send(client, f"http://two.example:{site.port}/")).body == b"second"


async def test_a_kept_connection_is_used_again_without_a_look_up(
    serve: Serve, replying: Replying, names: type[Names]
) -> None:
    site = await serve(replying(b"good"))
    resolve = names(turning_example=FIRST_GOOD_THEN_BAD)
    async with HttpClient(Policy.parse(f"127.0.0.1:{site.port}"), resolve=resolve) as client:
        for _ in range(3):
            await send(client, f"http://turning.example:{site.port}/")

    assert (site.connections, len(site.seen), len(resolve.asked)) == (1, 3, 1)


async def test_a_kept_connection_serves_no_other_name(serve: Serve, replying: Replying, names: type[Names]) -> None:
    site = await serve(replying(b"good"))
    resolve = names(a_example=[["127.0.0.1"]], b_example=[["127.0.0.2"]], c_example=[["127.0.0.1"]])
    async with HttpClient(Policy.parse(f"127.0.0.1:{site.port}"), resolve=resolve) as client:
        await send(client, f"http://a.example:{site.port}/")
        with pytest.raises(EgressRefused, match=r"b\.example is found at"):
            await send(client, f"http://b.example:{site.port}/")
        await send(client, f"http://c.example:{site.port}/")

    assert site.connections == 2
    assert [host for host, _ in resolve.asked] == ["a.example", "b.example", "c.example"]


@pytest.mark.parametrize("answers", [{}, {"empty_example": [[]]}])
async def test_a_name_without_address_is_a_failure_that_may_pass(
    answers: dict[str, list[list[str]]], names: type[Names]
) -> None:
    async with HttpClient(Policy(), resolve=names(**answers)) as client:
        with pytest.raises(EgressFailed, match=r"no address was found for empty\.example"):
            await send(client, "http://empty.example/")
