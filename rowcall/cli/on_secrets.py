"""What ``rowcall secrets`` does, on the operator's file. A value is written out once, where it is made."""

from __future__ import annotations

import sys

from rowcall.domain.errors import InvalidInput
from rowcall.settings import Settings
from rowcall.vault.book import Secret, SecretBook, new_value
from rowcall.vault.file import SecretFile

from .output import print_json, print_table, print_text, say

COLUMNS = ("NAME", "CLIENTS", "HOSTS", "VALUES")


def create_one(name: str, clients: list[str], hosts: list[str], *, given: bool, as_json: bool) -> None:
    """Keep a secret. Raises Conflict for a name that is taken, InvalidInput for what can't be kept."""
    value, file = _value(name, given=given), _file()
    book = file.change(lambda book: book.create(name, value, clients, hosts))
    _tell(name, book, f"Secret {name} is kept in {file.path}.", None if given else value, as_json=as_json)


def rotate_one(name: str, *, given: bool, as_json: bool) -> None:
    """Give it another value. Raises NotFound."""
    value = _value(name, given=given)
    book = _file().change(lambda book: book.rotate(name, value))
    news = f"Secret {name} has another value; rowcall secrets retire {name} ends the one before."
    _tell(name, book, news, None if given else value, as_json=as_json)


def retire_one(name: str, *, as_json: bool) -> None:
    """Forget the value before. Raises NotFound."""
    _tell(name, _file().change(lambda book: book.retire(name)), f"Secret {name} has one value.", as_json=as_json)


def grant_one(name: str, clients: list[str], *, revoke: bool, as_json: bool) -> None:
    """Let clients use it, or no longer. Raises NotFound, and InvalidInput for one that signs."""
    book = _file().change(lambda book: book.grant(name, clients, revoke=revoke))
    news = f"Secret {name} may be used by: {', '.join(book.find(name).clients) or 'nobody'}."
    _tell(name, book, news, as_json=as_json)


def list_them(*, as_json: bool) -> None:
    """List names, never values."""
    secrets = _file().book().secrets
    if as_json:
        for name, secret in secrets.items():
            print_json(_shown(name, secret))
    else:
        print_table(COLUMNS, [_line(name, secret) for name, secret in secrets.items()], empty="No secrets.")


def remove_one(name: str, *, as_json: bool) -> None:
    """Forget it. Raises NotFound."""
    _file().change(lambda book: book.remove(name))
    if as_json:
        print_json({"name": name})
    else:
        say(f"Secret {name} is forgotten.")


def _file() -> SecretFile:
    return SecretFile(Settings.from_environment().secrets_path)


def _value(name: str, *, given: bool) -> str:
    if not given:
        return new_value(name)
    value = sys.stdin.readline().rstrip("\r\n")
    if not value:
        raise InvalidInput.of("--stdin", "a value is expected as the first line of standard input")
    return value


def _tell(name: str, book: SecretBook, news: str, value: str | None = None, *, as_json: bool) -> None:
    """Tell what it is now; a value only where it was made here."""
    if as_json:
        print_json({**_shown(name, book.find(name)), **({} if value is None else {"value": value})})
        return
    say(news if value is None else f"{news} Its value is shown this once:")
    if value is not None:
        print_text(value)


def _shown(name: str, secret: Secret) -> dict[str, object]:
    return {"name": name, "clients": secret.clients, "hosts": secret.hosts, "values": len(secret.values)}


def _line(name: str, secret: Secret) -> tuple[object, ...]:
    return (name, ", ".join(secret.clients), ", ".join(secret.hosts), len(secret.values))
