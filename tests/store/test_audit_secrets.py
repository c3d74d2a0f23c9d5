"""What the log of changes hides: no less than what is warned of as a credential."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rowcall.domain.credentials import credentials_in
from tests.domain.test_credentials import CREDENTIALS
from tests.store.stories import Connection

NAMES = (
    "pass", "password", "passwd", "passphrase", "pwd", "secret", "token", "api key", "access key", "private key",
    "authorization", "credential", "cookie", "signing key", "secret key",
)  # fmt: skip


async def logged(db: Connection, *documents: Any) -> list[Any]:
    """Each document as the log of changes tells it."""
    rows = await db.fetch(
        "SELECT rowcall.without_secrets(d)::text AS told"
        "  FROM unnest($1::jsonb[]) WITH ORDINALITY AS t (d, n) ORDER BY n",
        [json.dumps(document) for document in documents],
    )
    return [json.loads(row["told"]) for row in rows]


def texts(value: Any, path: str = "input_data") -> Iterator[tuple[str, str]]:
    """Every text in a document, with the path as `credentials_in` gives it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from texts(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from texts(inner, f"{path}.{position}")
    elif isinstance(value, str):
        yield path, value


def spelled(name: str) -> Iterator[str]:
    """A name as people write it."""
    for words in (name.split(), ["db", *name.split()], ["X", "mine", *name.split()]):
        for joined in ("_".join(words), "-".join(words), " ".join(words), "__".join(words), ".".join(words)):
            yield from (joined, joined.upper(), joined.title(), f"{joined}s")
        camel = words[0] + "".join(word.title() for word in words[1:])
        yield from (camel, f"{camel}s", camel[0].upper() + camel[1:], words[0] + "".join(words[1:]).upper())


async def test_whatever_is_warned_of_as_a_credential_is_hidden_in_the_log_of_changes(db: Connection) -> None:
    named = [{each: "x"} for name in NAMES for each in spelled(name)]
    shaped = [{"a": [each, f" {each}\n"]} for value in CREDENTIALS for _, each in texts(value) if len(each) > 1]
    documents = [document for document in (*CREDENTIALS, *named, *shaped) if credentials_in(document)]
    assert len(documents) > 400
    for document, told in zip(documents, await logged(db, *documents), strict=True):
        shown = dict(texts(told))
        assert [path for path in credentials_in(document) if "(hidden)" not in shown[path]] == [], document


@pytest.mark.parametrize(
    "document",
    [
        {"private_key": "x"}, {"privateKey": "x"}, {"access_key": "x"}, {"aws_access_key_id": "x"},
        {"signing-key": "x"}, {"pwd": "x"}, {"db_pwd": "x"}, {"dbPwd": "x"}, {"pass": "x"},
        {"ftpPass": "x"}, {"passphrase": "x"},
        {"a": "Bearer x"}, {"a": "basic eDp4"}, {"a": ["ghp_" + "a1" * 18]},
        {"a": "-----BEGIN " + "PRIVATE KEY-----\nx"},
    ],
)  # fmt: skip
async def test_a_credential_that_stands_alone_in_a_document_is_hidden(db: Connection, document: dict[str, Any]) -> None:
    [told] = await logged(db, document)
    assert [text for _, text in texts(told)] == ["(hidden)"]


async def test_what_is_no_credential_is_told(db: Connection) -> None:
    document = {
        "bypass": "x", "compass": "x", "passage": "x", "passengers": "x", "keyboard": "x", "key": "x", "cwd": "x",
        "a": "Bearer of news", "b": "basics", "c": "ask-me", "d": "task_1", "e": "https://example.org/pass",
    }  # fmt: skip
    assert await logged(db, document) == [document]
