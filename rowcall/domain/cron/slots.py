"""`H`: a stable slot, so that a hundred nightly jobs don't all start at midnight.

The slot follows from who the schedule is (client and name) and which field it stands in, and from nothing else: it is
the same in every process, on every host, for ever. Changing the hash below would move running schedules.
"""

from __future__ import annotations

from hashlib import sha256


def slot_of(key: str, field: str, size: int) -> int:
    """A number in [0, size) that belongs to this schedule's key and this field."""
    digest = sha256(f"{field}\n{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % size
