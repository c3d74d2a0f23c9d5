"""Which file system a folder is on. A server's data must not be where a second machine could start a second server:
locks of files hold on one machine only, and so does PostgreSQL's own guard.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .processes import LINUX

NETWORK = {
    *("9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "gfs2", "lustre", "ncpfs", "nfs"),
    *("nfs4", "ocfs2", "smb2", "smb3", "smbfs", "webdav"),
}
_ESCAPED = re.compile(r"\\([0-7]{3})")
_MAC_MOUNT = re.compile(r"^.* on (?P<point>/.*) \((?P<kind>\w+)")


def network_filesystem(folder: Path) -> str | None:
    """The kind of network file system that `folder` is on, or None if it is on a local one."""
    kind = kind_at(folder.resolve(), mounts())
    return kind if kind in NETWORK else None


def kind_at(folder: Path, mounted: Iterable[tuple[Path, str]]) -> str | None:
    """The kind of the file system at `folder`, given (mount point, kind) pairs in the order they were mounted."""
    nearest, answer = -1, None
    for point, kind in mounted:
        if folder.is_relative_to(point) and len(point.parts) >= nearest:
            nearest, answer = len(point.parts), kind
    return answer


def mounts() -> list[tuple[Path, str]]:
    """What this machine has mounted, as (mount point, kind) pairs."""
    if LINUX:
        text = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")  # as paths are
        return [linux_mount(line) for line in text.split("\n") if line]
    listing = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=True).stdout
    found = (_MAC_MOUNT.match(line) for line in listing.splitlines())
    return [(Path(match["point"]), match["kind"]) for match in found if match]


def linux_mount(line: str) -> tuple[Path, str]:
    """The (mount point, kind) of a line of mountinfo: the fifth field, and what follows the lone dash (see proc(5))."""
    before, after = line.split(" - ", 1)
    point = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), before.split(" ")[4])
    return Path(point), after.split(" ", 1)[0]
