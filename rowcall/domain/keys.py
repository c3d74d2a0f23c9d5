"""The text of a key: `rowcall_<id>_<secret>`. The id may be told to anyone, of the secret only the hash is kept.

A secret is 256 random bits, so that a quick hash of it is as good as a slow one: nobody can try them all.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from dataclasses import dataclass

_KEY = re.compile(r"rowcall_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
_ID_SIGNS = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True)
class Key:
    """A key as somebody presents it, of the right form; whether it is valid is not known yet."""

    key_id: str
    secret_hash: bytes


@dataclass(frozen=True, slots=True)
class NewKey(Key):
    """A key just made, with its text, which is known only now."""

    text: str


def make_key() -> NewKey:
    """A key that nobody else has."""
    key_id = "".join(secrets.choice(_ID_SIGNS) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    return NewKey(key_id, hash_of(secret), f"rowcall_{key_id}_{secret}")


def read_key(text: str) -> Key | None:
    """The parts of a key; None for a text that is none."""
    found = _KEY.fullmatch(text)
    return None if found is None else Key(found[1], hash_of(found[2]))


def holds_key(text: str) -> bool:
    """Whether a key stands somewhere in a text."""
    return _KEY.search(text) is not None


def hash_of(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("ascii")).digest()
