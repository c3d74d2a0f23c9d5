"""Keys as text, and what scopes include."""

import hashlib

import pytest

from rowcall.domain.access import Access, Scope
from rowcall.domain.errors import Forbidden
from rowcall.domain.keys import holds_key, make_key, read_key


def test_a_key_has_its_id_in_clear_and_256_random_bits() -> None:
    made = {make_key().text for _ in range(50)}
    assert len(made) == 50
    for text in made:
        prefix, key_id, secret = text.split("_", 2)
        assert (prefix, len(key_id), len(secret)) == ("rowcall", 8, 43)
        read = read_key(text)
        assert read is not None
        assert (read.key_id, read.secret_hash) == (key_id, hashlib.sha256(secret.encode()).digest())


@pytest.mark.parametrize(
    "change",
    [lambda t: t[:-1], lambda t: f"{t}a", lambda t: t.upper(), lambda t: f" {t}", lambda t: f"{t}\n", lambda t: ""],
)
def test_what_is_not_exactly_a_key_is_none(change: "object") -> None:
    assert callable(change)
    assert read_key(change(make_key().text)) is None


def test_a_key_is_found_anywhere_in_a_text() -> None:
    assert holds_key(f"x={make_key().text}&y=1")
    assert not holds_key("rowcall_abcdefgh_short")


def test_each_scope_includes_those_before_it_and_no_other() -> None:
    scopes = list(Scope)
    assert scopes == ["read", "run", "write", "admin"]
    for place, scope in enumerate(scopes):
        assert [scope.includes(other) for other in scopes] == [other <= place for other in range(4)]


def test_only_an_administrator_is_not_confined_to_a_client() -> None:
    for scope in Scope:
        confined = Access("key", "acme", scope).confined_to
        assert confined == (None if scope is Scope.ADMIN else "acme")


@pytest.mark.parametrize("scope", [Scope.READ, Scope.RUN, Scope.WRITE])
def test_a_confined_caller_creates_for_its_own_client_only(scope: Scope) -> None:
    access = Access("key", "acme", scope)
    access.check_creates_for("acme")
    with pytest.raises(Forbidden, match="'acme', and of no other"):
        access.check_creates_for("other")
