"""The `http` task: what its input may say, what is sent for it, and what becomes of the answer."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import pytest
from pydantic import ValidationError

from rowcall.domain.errors import InvalidInput
from rowcall.egress import EgressFailed, EgressRefused, HttpClient, HttpRequest, HttpResult, Policy, Redactor, call
from rowcall.worker.running.results import encode_result
from tests.egress.conftest import Replying, Serve

URL = "https://example.com/hook"


async def run(input_data: dict[str, object], *, context: dict[str, str] | None = None, **more: Any) -> HttpResult:
    async with HttpClient(Policy.parse("127.0.0.1")) as client:
        return await call(
            client,
            HttpRequest.of(input_data),
            idempotency_key="main:17",
            fencing_token="3",
            context_headers=context or {},
            **more,
        )


def faults(**input_data: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as raised:
        HttpRequest.of(input_data)
    return {fault.field: fault.message for fault in raised.value.faults}


def test_a_url_alone_is_a_get_within_thirty_seconds_that_expects_2xx() -> None:
    request = HttpRequest.of({"url": URL})
    assert (request.verb, request.timeout_seconds, request.expected_status) == ("GET", 30, ["2xx"])
    assert request.content() is None


@pytest.mark.parametrize(
    ("given", "content"),
    [
        ({"json": {"a": [1, None]}}, b'{"a":[1,null]}'),
        ({"json": False}, b"false"),
        ({"body": "ü"}, b"\xc3\xbc"),
        ({"body": ""}, b""),
    ],
)
def test_a_body_makes_it_a_post(given: dict[str, object], content: bytes) -> None:
    request = HttpRequest.of({"url": URL, **given})
    assert (request.verb, request.content()) == ("POST", content)


def test_a_method_may_be_written_in_lower_case() -> None:
    assert HttpRequest.of({"url": URL, "method": "delete"}).verb == "DELETE"
    assert HttpRequest.of({"url": URL, "method": "put", "json": 1}).verb == "PUT"


def test_every_fault_is_told_at_once_with_its_field() -> None:
    found = faults(method="CONNECT", timeout_seconds=0, headers={"Host": "x"}, expected_status=["6xx"], retries=3)
    assert set(found) == {
        "input_data.url",
        "input_data.method",
        "input_data.timeout_seconds",
        "input_data.headers",
        "input_data.expected_status",
        "input_data.retries",
    }
    assert found["input_data.headers"] == "the header 'Host' is set by Rowcall and can't be given"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "ftp://example.com/"),
        ("url", "https://user:hush@example.com/"),
        ("url", 7),
        ("method", "TRACE"),
        ("headers", {"Idempotency-Key": "mine"}),
        ("headers", {"fencing-token": "9"}),
        ("headers", {"Content-Length": "5"}),
        ("headers", {"X-A": "a\r\nb: hush"}),
        ("headers", ["X-A"]),
        ("body", 5),
        ("timeout_seconds", -1),
        ("timeout_seconds", 3601),
        ("timeout_seconds", float("inf")),
        ("timeout_seconds", "30"),
        ("expected_status", []),
        ("expected_status", [99]),
        ("expected_status", [True]),
        ("expected_status", ["20x"]),
        ("expected_status", "2xx"),
    ],
)
def test_a_bad_value_is_a_fault_of_its_field_that_keeps_secrets(field: str, value: object) -> None:
    found = faults(**{"url": URL, field: value})
    assert {name.split(".")[1] for name in found} == {field}
    assert "hush" not in str(found)


def test_pydantics_own_words_keep_secrets_too() -> None:
    with pytest.raises(ValidationError) as raised:
        HttpRequest.model_validate({"url": "https://user:hush@example.com/"})
    assert "hush" not in str(raised.value)


def test_a_header_of_the_wrong_kind_is_named() -> None:
    assert "input_data.headers.X-A" in faults(url=URL, headers={"X-A": 5})


def test_json_and_body_exclude_each_other() -> None:
    assert faults(url=URL, json=1, body="1") == {"input_data": "give json or body, not both"}


def test_json_that_is_no_json_is_a_fault() -> None:
    assert set(faults(url=URL, json={"a": float("nan")})) == {"input_data"}


@pytest.mark.parametrize(
    ("expected", "accepted", "turned_down"),
    [(["2xx"], [200, 299], [199, 300, 404]), ([204, "4xx"], [204, 404], [200, 500]), (["302"], [302], [301])],
)
def test_expected_statuses_are_numbers_or_classes(
    expected: list[object], accepted: list[int], turned_down: list[int]
) -> None:
    request = HttpRequest.of({"url": URL, "expected_status": expected})
    assert all(request.expects(status) for status in accepted)
    assert not any(request.expects(status) for status in turned_down)


def test_the_schema_names_the_fields_as_they_are_written() -> None:
    schema = HttpRequest.model_json_schema()
    assert schema["required"] == ["url"]
    assert set(schema["properties"]) == {
        "url", "json", "body", "method", "headers", "timeout_seconds", "expected_status",
    }  # fmt: skip


async def test_a_call_carries_its_identity(serve: Serve, replying: Replying) -> None:
    site = await serve(replying(b'{"ok": true}', content_type="application/json; charset=utf-8"))

    result = await run(
        {"url": site.url, "json": {"a": 1}, "headers": {"X-Own": "1", "rowcall-schedule": "mine"}},
        context={"Rowcall-Schedule": "nightly"},
    )

    [seen] = site.seen
    assert (seen.method, seen.body) == ("POST", b'{"a":1}')
    assert seen.headers["idempotency-key"] == "main:17"
    assert seen.headers["fencing-token"] == "3"
    assert seen.headers["rowcall-schedule"] == "nightly"
    assert seen.headers["user-agent"] == f"rowcall/{version('rowcall')}"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["x-own"] == "1"
    assert result["elapsed_seconds"] > 0
    assert result == {
        "status": 200,
        "headers": {"content-type": "application/json; charset=utf-8", "content-length": "12"},
        "json": {"ok": True},
        "truncated": False,
        "elapsed_seconds": result["elapsed_seconds"],
    }


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"body": "hello"}, "text/plain; charset=utf-8"),
        ({"body": "<a/>", "headers": {"Content-Type": "application/xml"}}, "application/xml"),
        ({"json": 1, "headers": {"CONTENT-TYPE": "application/vnd.own+json"}}, "application/vnd.own+json"),
    ],
)
async def test_the_content_type_is_the_callers_or_a_plain_one(
    given: dict[str, object], sent: str, serve: Serve, replying: Replying
) -> None:
    site = await serve(replying())
    await run({"url": site.url, **given})
    assert site.seen[0].headers["content-type"] == sent


async def test_an_unexpected_status_is_a_failure_with_the_beginning_of_the_answer(
    serve: Serve, replying: Replying
) -> None:
    site = await serve(replying(b"out of\n\tpaper\x1b[31m " + b"x" * 5000, status=503))

    with pytest.raises(EgressFailed, match="answered 503, expected 2xx; it said: out of paper�") as raised:
        await run({"url": f"{site.url}/print?token=hush", "headers": {"Authorization": "hush"}})

    assert raised.value.status == 503
    assert len(str(raised.value)) < 700
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00"])
async def test_an_unexpected_status_without_text_is_told_by_its_number(
    body: bytes, serve: Serve, replying: Replying
) -> None:
    site = await serve(replying(body, status=404))
    with pytest.raises(EgressFailed, match=r"answered 404, expected 200 or 3xx$"):
        await run({"url": site.url, "expected_status": [200, "3xx"]})


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://elsewhere.example/in?token=hush", ": this one leads to https://elsewhere.example/in?…"),
        ("/relative", ""),
        ("http://u:hush@h/", ""),
    ],
)
async def test_a_redirect_is_a_failure_that_says_where_it_leads(
    location: str, told: str, serve: Serve, replying: Replying
) -> None:
    site = await serve(replying(status=302, location=location))
    with pytest.raises(EgressFailed) as raised:
        await run({"url": site.url})
    assert str(raised.value) == f"{site.url}/: answered 302, expected 2xx; redirects are not followed{told}"


async def test_an_expected_redirect_is_a_result(serve: Serve, replying: Replying) -> None:
    site = await serve(replying(status=302, location="/next"))
    result = await run({"url": site.url, "expected_status": [302]})
    assert (result["status"], result["headers"]["location"]) == (302, "/next")


async def test_a_refusal_passes_through() -> None:
    with pytest.raises(EgressRefused, match="ROWCALL_HTTP_ALLOW"):
        await run({"url": "http://10.0.0.1/"})


@pytest.mark.parametrize(
    ("body", "kind", "kept"),
    [
        (b"hello", "text/plain", {"body": "hello"}),
        (b"[1, 2]", "text/plain", {"body": "[1, 2]"}),
        (b"[1, 2]", "application/problem+json", {"json": [1, 2]}),
        (b"null", "application/json", {"json": None}),
        (b"{broken", "application/json", {"body": "{broken"}),
        (b"[NaN]", "application/json", {"body": "[NaN]"}),
        (b"[1e999]", "application/json", {"body": "[1e999]"}),
        (rb'["\u0000"]', "application/json", {"body": r'["\u0000"]'}),
        (rb'["\ud800"]', "application/json", {"body": r'["\ud800"]'}),
        (b"[" * 5000, "application/json", {"body": "[" * 5000}),
        (b"[" * 179 + b"]" * 179, "application/json", {"json": json.loads("[" * 179 + "]" * 179)}),
        (b"[" * 180 + b"]" * 180, "application/json", {"body": "[" * 180 + "]" * 180}),
        (b"[" * 600 + b"]" * 600, "application/json", {"body": "[" * 600 + "]" * 600}),
        (b"9" * 5000, "application/json", {"body": "9" * 5000}),
        (b"a\x00b", "text/plain", {"body": "a�b"}),
        (b"\x89PNG\xff", "image/png", {"body_base64": "iVBOR/8="}),
        (b"", "", {"body": ""}),
    ],
)
async def test_an_answer_is_kept_as_something_that_jsonb_can_hold(
    body: bytes, kind: str, kept: dict[str, object], serve: Serve, replying: Replying
) -> None:
    site = await serve(replying(body, content_type=kind))
    result = await run({"url": site.url})
    assert {name: result[name] for name in ("json", "body", "body_base64") if name in result} == kept
    assert json.loads(encode_result(result, 65_536) or "") == result


async def test_an_answer_cut_by_the_limit_is_text_without_half_a_character(serve: Serve, replying: Replying) -> None:
    site = await serve(replying("äöü".encode(), content_type="application/json"))
    result = await run({"url": site.url}, max_response_bytes=5)
    assert (result["body"], result["truncated"]) == ("äö", True)


async def test_few_headers_are_kept_and_each_in_part(serve: Serve, replying: Replying) -> None:
    site = await serve(replying(etag="e" * 5000, set_cookie="session=hush", server="x"))
    result = await run({"url": site.url})
    assert result["headers"] == {"content-length": "0", "etag": "e" * 1000}


async def test_a_secret_that_comes_back_in_json_within_json_is_not_kept(serve: Serve, replying: Replying) -> None:
    as_php_does = json.dumps({"token": "to/ken+1"}).replace("/", "\\/")
    twice = json.dumps({"log": as_php_does, as_php_does: 1}).replace("/", "\\/")
    site = await serve(replying(twice.encode(), content_type="application/json"))
    result = await run({"url": site.url}, redactor=Redactor(["to/ken+1"]))
    assert result["json"] == {"log": '{"token": "[secret]"}', '{"token": "[secret]"}': 1}


async def test_as_many_headers_as_a_schedule_may_give_are_sent_with_ours(serve: Serve, replying: Replying) -> None:
    site = await serve(replying())
    given = {f"x-own-{number}": str(number) for number in range(64)}
    context = {f"rowcall-{name}": "1" for name in ("execution-id", "schedule-id", "scheduled-for", "attempt")}
    await run({"url": site.url, "json": {}, "headers": given}, context=context)
    [seen] = site.seen
    ours = {*context, "idempotency-key", "fencing-token", "content-type"}
    assert given.keys() | ours <= seen.headers.keys()
    assert (
        "65 headers were given; at most 64"
        in faults(url=URL, headers={**given, "x-one-more": "1"})["input_data.headers"]
    )
