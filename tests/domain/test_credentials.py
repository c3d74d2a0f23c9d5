"""What looks like a credential, and what does not."""

from typing import Any

import pytest

from rowcall.domain.credentials import credentials_in, hidden

CREDENTIALS: list[dict[str, Any]] = [
    {"password": "x"}, {"dbPassword": "x"}, {"API-Key": "x"}, {"x_auth_token": "x"}, {"secrets": ["x"]},
    {"headers": {"Authorization": "x"}}, {"Cookie": "x"}, {"a": [{"passphrase": "x"}]},
    {"url": "postgresql://me:hunter2@db/shop"}, {"a": "Bearer abcdefgh1234"}, {"a": "AKIA" + "A1" * 8},
    {"a": "ghp_" + "a1" * 18}, {"a": "-----BEGIN RSA " + "PRIVATE KEY-----\nMII"}, {"a": "sk-" + "a1" * 12},
    {"url": "https://example.org/hook?room=5&access_token=x"}, {"url": "https://example.org/?api%5Fkey=x#top"},
]  # fmt: skip


@pytest.mark.parametrize("value", CREDENTIALS)
def test_names_and_shapes_of_credentials_are_found(value: dict[str, Any]) -> None:
    assert len(credentials_in(value)) == 1


@pytest.mark.parametrize(
    "value",
    [
        {"password": {"$secret": "db"}}, {"headers": {"Authorization": {"$secret": "a", "prefix": "Bearer "}}},
        {"password": ""}, {"token": None}, {"token": 5}, {"bypass": "x"}, {"tokenizer": "x"}, {"passage": "x"},
        {"url": "https://example.org/@me"}, {"url": "https://me@example.org"}, {"a": "Bearer of news"},
        {"a": "http://[::1"}, {"url": "https://example.org/?token="}, {"url": "https://example.org/token?page=2"},
        {"a": "what?token=x"}, {"keyboard": "x"}, {"key": "x"},
    ],
)  # fmt: skip
def test_what_is_none_is_left_alone(value: dict[str, Any]) -> None:
    assert credentials_in(value) == []


def test_differences_tell_that_a_credential_changed_and_not_to_what() -> None:
    differences: dict[str, tuple[Any, Any]] = {
        "input_data.password": ("old", "new"),
        "input_data.added.token": (None, "new"),
        "input_data.url": ("https://a", "https://me:pw@a"),
        "input_data.token.$secret": ("one", "other"),
        "priority": (5, 6),
        "callback_url": ("http://[half", "https://me@example.org:8443/T000/XXXX?a=b"),
    }
    assert hidden(differences) == {
        "input_data.password": ("(hidden)", "(hidden)"),
        "input_data.added.token": (None, "(hidden)"),
        "input_data.url": ("(hidden)", "(hidden)"),
        "input_data.token.$secret": ("one", "other"),
        "priority": (5, 6),
        "callback_url": ("(hidden)", "https://example.org:8443/(hidden)"),
    }
