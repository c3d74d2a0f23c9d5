"""The account PostgreSQL runs as. It refuses to run as root, so root hands it to an account without rights.

Accounts are only ever looked up, never made: a program that is started has no business adding users to a machine.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from .errors import EmbeddedError

PREFERRED = ("postgres", "nobody")


class Identity(TypedDict, total=False):
    """The part of `subprocess.Popen`'s arguments that says as whom to run."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """An existing account of the operating system."""

    name: str
    uid: int
    gid: int

    @property
    def is_me(self) -> bool:
        """Whether this process already runs as it."""
        return self.uid == os.geteuid()

    @property
    def identity(self) -> Identity:
        """Arguments for `subprocess.Popen` that start a program as this account and in no other group."""
        return Identity() if self.is_me else Identity(user=self.uid, group=self.gid, extra_groups=[])


def serving_account(run_as: str | None, existing: Path | None = None) -> Account:
    """The account to run the server as: the present one, or for root an unprivileged one.

    For root that is `run_as`, else the owner of the `existing` cluster, else ``postgres``, else ``nobody``.
    Raises EmbeddedError where there is none, or where `run_as` is asked for without being root.
    """
    if os.geteuid() != 0:
        return _myself(run_as)
    if run_as is not None:
        return _named(run_as)
    if existing is not None and existing.exists() and (owner := existing.stat().st_uid) != 0:
        return _numbered(owner)
    for name in PREFERRED:
        try:
            return _named(name)
        except EmbeddedError:
            continue
    raise EmbeddedError(
        "PostgreSQL does not run as root, and of the accounts it could run as, postgres and nobody, neither exists. "
        "Start Rowcall as an ordinary user, or name an existing account in ROWCALL_RUN_AS."
    )


def closed_folder(path: Path, account: Account) -> Path | None:
    """The first folder on the way to `path`, or it itself, that `account` may not enter; None if all are open.

    For an account that root is going to become, which then has its primary group only.
    """
    resolved = path.resolve()
    for folder in (*reversed(resolved.parents), resolved):
        facts = folder.stat()
        if not facts.st_mode & _needed(facts, account):
            return folder
    return None


def name_of(uid: int) -> str:
    """The name of a user, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _needed(facts: os.stat_result, account: Account) -> int:
    if facts.st_uid == account.uid:
        return stat.S_IXUSR
    return stat.S_IXGRP if facts.st_gid == account.gid else stat.S_IXOTH


def _myself(run_as: str | None) -> Account:
    account = _numbered(os.geteuid())
    if run_as not in {None, account.name}:
        raise EmbeddedError(
            f"The server was to run as {run_as}, but only root can hand it to another account and this is "
            f"{account.name}. Start Rowcall as {run_as}."
        )
    return account


def _named(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise EmbeddedError(f"The server was to run as {name}, and there is no account of that name.") from None
    if entry.pw_uid == 0:
        raise EmbeddedError(
            f"The server was to run as {name}, and PostgreSQL does not run as root: name another account."
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _numbered(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL needs a name for the user it runs as, and user {uid} has no entry in /etc/passwd. "
            "Add one, or run as a user that has one."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
