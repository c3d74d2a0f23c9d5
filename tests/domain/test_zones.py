"""Zones come from the pinned tzdata, by their exact names, and from nowhere else."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rowcall.domain import zones
from rowcall.domain.errors import InvalidInput
from rowcall.domain.zones import tzdata_version, zone, zone_names


def test_every_listed_zone_can_be_loaded_and_asked() -> None:
    moment = datetime(2026, 7, 1, tzinfo=UTC)

    assert len(zone_names()) > 400
    for name in zone_names():
        offset = moment.astimezone(zone(name)).utcoffset()
        assert offset is not None
        assert abs(offset) <= timedelta(hours=14)


def test_a_zone_is_read_once() -> None:
    assert zone("Europe/London") is zone("Europe/London")
    assert zone("Europe/London").key == "Europe/London"


def test_the_hosts_own_files_are_not_looked_at(tmp_path: Path) -> None:
    """A host whose files say something else must not move a schedule."""
    name = "Indian/Mayotte"
    fake = tmp_path / name
    fake.parent.mkdir()
    fake.write_bytes(b"not a zone file")
    zones._load.cache_clear()
    zoneinfo.reset_tzpath([str(tmp_path)])
    try:
        assert datetime(2026, 1, 1, tzinfo=zone(name)).utcoffset() == timedelta(hours=3)
    finally:
        zoneinfo.reset_tzpath()


REFUSED = [
    ("America", "IANA name"),
    ("localtime", "no zone is called"),
    ("posixrules", "no zone is called"),
    ("posix/Europe/London", "no zone is called"),
    ("right/UTC", "no zone is called"),
    ("zone.tab", "no zone is called"),
    ("tzdata.zi", "no zone is called"),
    ("__init__.py", "no zone is called"),
    ("../../etc/passwd", "no zone is called"),
    ("/etc/localtime", "no zone is called"),
    ("Europe/../Europe/London", "no zone is called"),
    ("Europe/", "no zone is called"),
    ("europe/london", "did you mean Europe/London?"),
    ("Europe/Londn", "did you mean Europe/London?"),
    ("America/New York", "did you mean America/New_York?"),
    ("utc", "did you mean UTC?"),
    (" UTC", "no zone is called"),
    ("UTC+2", "no zone is called"),
    ("+02:00", "no zone is called"),
    ("", "no zone is called"),
    ("UTC\n", "not an IANA zone name"),
    ("UTC\x00", "not an IANA zone name"),
    ("Ευρώπη", "not an IANA zone name"),
    ("A" * 10_000, "10000 characters"),
    (None, "not a NoneType"),
    (0, "not a int"),
    (["UTC"], "not a list"),
    (b"UTC", "not a bytes"),
]


@pytest.mark.parametrize(("name", "because"), REFUSED, ids=lambda value: repr(value)[:30])
def test_what_is_no_zone_is_refused_in_a_line(name: Any, because: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        zone(name)

    assert [fault.field for fault in caught.value.faults] == ["timezone"]
    assert because in str(caught.value)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


def test_the_version_of_the_data_has_the_name_that_iana_gave_it() -> None:
    assert tzdata_version()[:4].isdigit()
    assert tzdata_version()[4:].isalpha()
