"""What stands where in the data folder, and whether it may stand there.

    <data folder>            0700 (0710 root:<account> when root serves through an account)
        postgres/            the cluster, 0700, the account's
        log/                 a week of logs, 0700, the account's
        run/                 the socket, 0700, the account's
        elsewhere            a link to where the socket's folder is instead, if the path of run/ is too long for one
        dumps/               the database as it was before its schema was changed, 0700
        owner.lock           held by the one process that owns the server
        guests.lock          held, together, by those that use it for a moment
        password             0600
        connection.json      0600, there while the server is ready
        startup.log          what the server said before its own log began

What Rowcall itself writes is never in a folder of the account's: root must not be led astray by a link laid there.
Folders above the data folder are made if missing and otherwise left exactly as they are.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from .account import Account, closed_folder, name_of
from .binaries import MAJOR
from .errors import EmbeddedError
from .filesystems import network_filesystem

ROOTS_FOLDER = Path("/var/lib/rowcall")


@dataclass(frozen=True, slots=True)
class Folders:
    """The paths of one embedded server."""

    root: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.root / "postgres"

    @property
    def log(self) -> Path:
        """The server's logs, one file for each day of the week."""
        return self.root / "log"

    @property
    def run(self) -> Path:
        """The socket's folder, where its path is short enough."""
        return self.root / "run"

    @property
    def elsewhere(self) -> Path:
        """A link to where the socket's folder is, if `run` is none for it."""
        return self.root / "elsewhere"

    @property
    def dumps(self) -> Path:
        """The database as it was, each time before its schema was changed."""
        return self.root / "dumps"

    @property
    def lock(self) -> Path:
        """The file whose lock makes a process the owner."""
        return self.root / "owner.lock"

    @property
    def guests(self) -> Path:
        """The file whose lock, which many may share, makes an owner that leaves wait."""
        return self.root / "guests.lock"

    @property
    def password(self) -> Path:
        """The password of the server's role."""
        return self.root / "password"

    @property
    def connection(self) -> Path:
        """How to connect, while the server is ready."""
        return self.root / "connection.json"

    @property
    def startup_log(self) -> Path:
        """What the server said before its own log began."""
        return self.root / "startup.log"


def default_data_dir() -> Path:
    """Where the embedded server lives unless told otherwise: /var/lib/rowcall for root, else the user's data folder."""
    return ROOTS_FOLDER if os.geteuid() == 0 else platformdirs.user_data_path("rowcall")


def folders_of(data_dir: Path | None) -> Folders:
    """The paths below `data_dir`, or below the default. Nothing is touched."""
    return Folders((data_dir or default_data_dir()).resolve())


def make_root(folders: Folders) -> None:
    """Make the data folder if it is missing. Raises EmbeddedError if it may not serve as one."""
    try:
        folders.root.parent.mkdir(parents=True, exist_ok=True)
        folders.root.mkdir(mode=0o700, exist_ok=True)
    except OSError as fault:
        raise EmbeddedError(
            f"The data folder {folders.root} can't be made: {fault.strerror}. Set ROWCALL_DATA_DIR."
        ) from fault
    _refuse_foreign(folders.root, os.geteuid())
    _refuse_open_to_writers(folders.root)
    if (kind := network_filesystem(folders.root)) is not None:
        raise EmbeddedError(
            f"The data folder {folders.root} is on a network file system ({kind}), where two machines could start a "
            "server on the same data. Set ROWCALL_DATA_DIR to a local disk."
        )


def prepare(folders: Folders, account: Account) -> None:
    """Make the account's folders, for the owner of the lock. Raises EmbeddedError if the account can't use them."""
    _refuse_another_cluster(folders.cluster, account)
    _let_pass(folders.root, account)
    for folder in (folders.log, folders.run):
        give(folder, account)


def make_private(folder: Path) -> Path:
    """Make a folder of ours, closed to all others, or check that the existing one is ours. Raises EmbeddedError."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        _refuse_foreign(folder, os.geteuid())
        folder.chmod(0o700)
    except OSError as fault:
        raise EmbeddedError(f"The folder {folder} can't be made: {fault.strerror}.") from fault
    return folder


def give(folder: Path, account: Account) -> Path:
    """Make a folder, 0700 and the account's, or check that the existing one is."""
    try:
        folder.mkdir(mode=0o700)
        if not account.is_me:
            os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    except FileExistsError:
        _refuse_foreign(folder, account.uid)
        if stat.S_IMODE(folder.stat().st_mode) & 0o077:
            folder.chmod(0o700)
    return folder


def _let_pass(root: Path, account: Account) -> None:
    """Let the account through the data folder, which is ours, but not look around there; never through a parent."""
    if account.is_me:
        return
    if root.stat().st_mode & 0o077 == 0:
        os.chown(root, -1, account.gid)
        root.chmod(0o710)
    if (closed := closed_folder(root, account)) is not None:
        raise EmbeddedError(
            f"The server is to run as {account.name}, which can't reach the data folder {root}: {closed} is closed to "
            f"it. Set ROWCALL_DATA_DIR to a place it can reach, {ROOTS_FOLDER} for instance."
        )


def _refuse_another_cluster(cluster: Path, account: Account) -> None:
    if not cluster.exists():
        return
    _refuse_foreign(cluster, account.uid)
    found = (cluster / "PG_VERSION").read_text().strip()
    if found != MAJOR:
        raise EmbeddedError(
            f"The data in {cluster} is of PostgreSQL {found}, and the installed server is PostgreSQL {MAJOR}. "
            f"Move it over with pg_dump of version {found} into a new data folder."
        )


def _refuse_foreign(folder: Path, uid: int) -> None:
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        raise EmbeddedError(
            f"{folder} was to be a folder, and is something else. Set ROWCALL_DATA_DIR to another place."
        )
    if facts.st_uid != uid:
        raise EmbeddedError(
            f"{folder} was to be {name_of(uid)}'s, and belongs to {name_of(facts.st_uid)}: data of another account is "
            f"not touched. Run as {name_of(facts.st_uid)}, or set ROWCALL_DATA_DIR to another place."
        )


def _refuse_open_to_writers(folder: Path) -> None:
    if not folder.stat().st_mode & 0o022:
        return
    if not any(folder.iterdir()):
        folder.chmod(0o700)  # made by hand for us, with the usual umask
    else:
        raise EmbeddedError(
            f"{folder} can be written by other accounts, which could put their own data in place of the server's. "
            "Set ROWCALL_DATA_DIR to a folder of its own."
        )
