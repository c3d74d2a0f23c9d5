"""Prints the numbers of all server processes that work in one folder, those that serve its sessions too. Linux only.

Run as a script (``python -I -S look.py UID GID FOLDER``) that becomes the account whose processes they are. For root is
not all-seeing: in a container, it usually lacks the right to look at processes of other accounts (CAP_SYS_PTRACE),
while an account may always look at its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Look around as the account named on the command line."""
    uid, gid, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text() == "postgres\n" and (entry / "cwd").samefile(folder):
                print(entry.name)
        except OSError:
            continue  # it has ended meanwhile, or is another account's


if __name__ == "__main__":
    main()
