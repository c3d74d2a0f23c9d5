"""/docs: the reference, complete in one page, which asks nothing of any other place."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from html.parser import HTMLParser

import httpx2
import pytest

from rowcall.webapi.html import VOID, element, prose
from rowcall.webapi.resources import OPERATIONS


@pytest.fixture
def dsn(unchanged_dsn: str) -> str:
    return unchanged_dsn


class Reader(HTMLParser):
    """What a browser finds in the page. A tag that is not closed where it should be is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [value or "" for key, value in self.attributes if key == name]


async def read(client: httpx2.AsyncClient) -> tuple[Reader, Mapping[str, str], str]:
    answer = await client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    reader = Reader()
    reader.feed(answer.text)
    reader.close()
    assert reader.open == []
    return reader, answer.headers, answer.text


async def test_every_operation_and_every_schema_stands_there(client: httpx2.AsyncClient) -> None:
    reader, _, _ = await read(client)
    document = (await client.get("/openapi.json")).json()
    ids = reader.values("id")
    assert {operation.name for operation in OPERATIONS} <= set(ids)
    assert {f"schema-{name}" for name in document["components"]["schemas"]} <= set(ids)
    assert len(set(ids)) == len(ids)
    for operation in OPERATIONS:
        assert operation.summary.replace("`", "") in reader.text
        assert operation.description.replace("`", "") in reader.text
    assert "reports.example.com" in reader.text  # an example


async def test_every_link_leads_somewhere_on_the_page_or_to_the_document(client: httpx2.AsyncClient) -> None:
    reader, _, _ = await read(client)
    places = {f"#{name}" for name in reader.values("id")} | {"/openapi.json"}
    assert set(reader.values("href")) <= places


async def test_it_runs_no_script_and_asks_nothing_of_any_other_place(client: httpx2.AsyncClient) -> None:
    reader, headers, text = await read(client)
    assert not reader.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not [name for name, _ in reader.attributes if name in {"src", "style", "srcset"} or name.startswith("on")]
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in policy


def test_text_is_never_taken_for_html() -> None:
    assert element("p", "<b>", title='"') == '<p title="&quot;">&lt;b&gt;</p>'
    assert prose("a `<b>` c") == "a <code>&lt;b&gt;</code> c"
