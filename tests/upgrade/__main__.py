"""``make migrations``: bring the newest numbered file up to schema.sql."""

from __future__ import annotations

import sys

from .growing import COPIED, RELEASED, copied


def main() -> None:
    if COPIED.name[:4] in RELEASED:
        sys.exit(f"{COPIED.name} is released: let tests/upgrade/growing.py name the next two files.")
    COPIED.write_text(copied(), encoding="utf-8")
    print(f"wrote {COPIED.name}")


main()
