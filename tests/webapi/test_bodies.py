"""Bodies: what is no JSON object of this API's kind is refused before it means anything."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

import httpx2
import pytest

from rowcall.settings import Settings
from rowcall.webapi import bodies
from rowcall.webapi.problems import Problem
from tests.webapi.answers import assert_problem, faults


@pytest.fixture
def dsn(unchanged_dsn: str) -> str:
    return unchanged_dsn


JSON = {"Content-Type": "application/json"}
RULE = b'{"cron_expression": "@daily"}'


async def preview(client: httpx2.AsyncClient, body: bytes, **headers: str) -> httpx2.Response:
    return await client.post("/v1/preview", content=body, headers={**JSON, **headers})


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; v=1",
    ],
)
async def test_json_in_utf_8_is_read(client: httpx2.AsyncClient, content_type: str) -> None:
    answer = await client.post("/v1/preview", content=RULE, headers={"Content-Type": content_type})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "multipart/form-data",
        "application/jsonp",
        "application/merge-patch+json",
        ";",
        "application/json; charset*0=utf-8; charset*=utf-8",
        "application/json; charset*=utf-16''x",
    ],
)
async def test_other_types_are_refused(client: httpx2.AsyncClient, content_type: str) -> None:
    assert_problem(await client.post("/v1/preview", content=RULE, headers={"Content-Type": content_type}), 415)


async def test_a_body_without_a_type_is_refused(client: httpx2.AsyncClient) -> None:
    assert_problem(await client.post("/v1/preview", content=RULE), 415)
    assert_problem(await client.post("/v1/schedules/n/pause", content=b"{}"), 415)


async def test_a_compressed_body_is_refused(client: httpx2.AsyncClient) -> None:
    refused = await preview(client, RULE, **{"Content-Encoding": "gzip"})

    assert_problem(refused, 415)
    assert refused.headers["accept-encoding"] == "identity"


async def test_who_sends_another_type_is_told_which_one_to_send(client: httpx2.AsyncClient) -> None:
    posted = await client.post("/v1/preview", content=RULE, headers={"Content-Type": "text/plain"})
    patched = await client.patch("/v1/schedules/n", content=RULE, headers={"Content-Type": "text/plain"})

    assert posted.headers["accept"] == patched.headers["accept"] == "application/json"
    assert patched.headers["accept-patch"] == "application/json"


@pytest.mark.parametrize("headers", [{}, JSON], ids=["without a type", "as JSON"])
async def test_a_body_that_is_left_out_where_one_is_needed_is_asked_for(
    client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    problem = assert_problem(await client.post("/v1/preview", headers=headers), 400)

    assert problem["detail"] == "a body is needed here: a JSON object, sent as Content-Type: application/json"


async def test_a_byte_order_mark_is_named(client: httpx2.AsyncClient) -> None:
    assert "byte order mark" in assert_problem(await preview(client, b"\xef\xbb\xbf" + RULE), 400)["detail"]


async def test_a_fault_of_the_whole_body_names_no_field(client: httpx2.AsyncClient) -> None:
    problem = assert_problem(await client.post("/v1/bulk/pause", json={}), 422)

    assert problem["detail"] == "either names or labels are needed, to say which schedules are meant"
    assert problem["errors"] == [{"field": "", "pointer": "", "message": problem["detail"]}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"null",
        b'"text"',
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 1} x',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"b": {"a": 1, "a": 1}}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\n"}',
        b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 500_000,
        b'{"a":' * 100_000,
    ],
)
async def test_what_is_no_json_object_is_malformed(client: httpx2.AsyncClient, body: bytes) -> None:
    assert_problem(await preview(client, body), 400)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"cron_expression": "\\u0000"}', "cron_expression"),
        (b'{"cron_expression": "\\ud800"}', "cron_expression"),
        (b'{"count": 1e400}', "count"),
        (b'{"count": 9223372036854775808}', "count"),
        (b'{"count": ' + b"9" * 100_000 + b"}", "count"),
        (b'{"count": -' + b"9" * 30 + b"}", "count"),
        (b'{"cron_fields": {"hour": [[["\\u0000"]]]}}', "cron_fields.hour.0.0.0"),
        (b'{"\\u0000": 1}', "\\x00"),
        (b'{"\\udfff": 1}', "\\udfff"),
        (b'{"cron_fields": {"a\\u0000": 1}}', "cron_fields.a\\x00"),
    ],
)
async def test_what_can_not_be_kept_is_a_fault_of_its_field(
    client: httpx2.AsyncClient, body: bytes, field: str
) -> None:
    assert field in faults(await preview(client, body))


async def test_no_message_echoes_a_long_value(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/preview", json={"x" * 10_000: 1, "timezone": "y" * 10_000, "count": "z" * 10_000})
    assert len(faults(answer)) >= 3
    assert len(answer.content) < 2000


class TestWithASmallLimit:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(max_body_bytes=1024)

    async def test_a_larger_body_is_refused_as_announced(self, client: httpx2.AsyncClient) -> None:
        assert_problem(await preview(client, b" " * 1025), 413)
        assert (await preview(client, RULE + b" " * (1024 - len(RULE)))).status_code == 200

    async def test_a_larger_body_is_refused_as_it_comes(self, client: httpx2.AsyncClient) -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b" " * 1000

        answer = await client.post("/v1/preview", content=endless(), headers=JSON)
        assert_problem(answer, 413)
        assert answer.headers["connection"] == "close"

    @pytest.mark.parametrize("announced", ["-5", "abc", "1e3", "9" * 30])
    async def test_a_strange_announcement_does_no_harm(self, client: httpx2.AsyncClient, announced: str) -> None:
        answer = await preview(client, RULE, **{"Content-Length": announced})
        assert answer.status_code in {200, 413}


def test_names_that_are_many_and_one_of_them_twice_are_soon_refused() -> None:
    """A body of a megabyte kept the whole process busy for minutes, by counting each name among all the others."""
    names = [(f"n{number}", number) for number in range(100_000)]
    began = time.process_time()
    with pytest.raises(Problem, match="'last' twice"):
        bodies._object([*names, ("last", 1), ("last", 2)])
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ({f"f{number}": 1 for number in range(60_000)}, True),
        ({"cron_expression": "@daily", "count": [{"x\x00": "\x00"} for _ in range(20_000)]}, False),
    ],
)
async def test_of_many_thousand_faults_the_first_are_told_and_soon(
    client: httpx2.AsyncClient, body: dict[str, object], known: bool
) -> None:
    began = time.process_time()
    answer = await preview(client, json.dumps(body).encode())
    took = time.process_time() - began
    problem = assert_problem(answer, 422)
    assert len(problem["errors"]) == 101
    assert (problem["errors"][-1]["message"] == "59900 more faults are not told one by one") == known
    assert len(answer.content) < 50_000
    assert took < 3
