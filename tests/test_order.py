"""The order that tests run in loses none of them, and puts those that take long where they hold nobody up."""

from pathlib import Path

import pytest

from tests.order import LONG, in_parts

ROOT = Path(__file__).parents[1]


def test_every_file_that_takes_long_is_there() -> None:
    assert [name for name in LONG if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("parts", [2, 3, 4, 10])
def test_each_test_is_in_one_part_and_half_of_the_parts_begin_with_what_takes_long(
    request: pytest.FixtureRequest, parts: int
) -> None:
    items = list(request.session.items)
    ordered = list(in_parts(items, parts))
    assert sorted(ordered, key=id) == sorted(items, key=id)

    long = {item for item in items if item.nodeid.partition("::")[0] in LONG}
    starts = [len(items) * part // parts for part in range(parts)]
    beginning = [ordered[start] for start in starts[: (parts + 1) // 2]]
    assert len(long & set(beginning)) >= min(1, len(long))
