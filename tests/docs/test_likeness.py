"""How the reader compares: what changes every time is passed over, and nothing else."""

from __future__ import annotations

import pytest

from tests.docs.likeness import difference

ALIKE = [
    ("Created hello.", "Created hello."),
    ("next run: 2026-11-21 09:52:22Z", "next run: 2031-01-01 00:00:00Z"),
    ("took 12 ms, 3 h 20 min late", "took 1.5 s, 4 d 2 h late"),
    ("a   b", "a b"),
    ("one\ntwo\nthree", "one\n…\nthree"),
    ("one\nthree", "one\n…\nthree"),
    ("Execution 12 of hello is queued.", "Execution … of hello is queued."),
    ('{"id":1,"names":["a","b"],"more":null}', '{\n  "id": 1,\n  "names": ["a", …],\n  …\n}'),
    ('{"a":{"b":1,"c":2}}', '{"a": {"c": 2, …}}'),
    ('{"duration_seconds":0.25}', '{"duration_seconds": 1.5}'),
]
UNLIKE = [
    ("Created hello.", "Created hallo."),
    ("one\ntwo", "one"),
    ("one", "one\ntwo"),
    ("one\nfour", "one\n…\nthree"),
    ("", "something"),
    ("something", ""),
    ('{"id":1,"more":null}', '{"id": 1}'),
    ('{"id":1}', '{"id": 2, …}'),
    ('{"id":1}', '{"id": 1, "more": null, …}'),
    ('{"names":["a","b"]}', '{"names": ["a"]}'),
    ('{"names":["a"]}', '{"names": ["a", "b", …]}'),
    ('{"interval_seconds":60}', '{"interval_seconds": 61}'),
    ("no JSON", '{"id": 1}'),
]


@pytest.mark.parametrize(("said", "page"), ALIKE)
def test_what_is_alike(said: str, page: str) -> None:
    assert difference(said, page) is None


@pytest.mark.parametrize(("said", "page"), UNLIKE)
def test_what_is_not(said: str, page: str) -> None:
    assert difference(said, page)


def test_moments_are_compared_where_the_page_says_exactly() -> None:
    said, page = "2026-03-08 07:00:00Z  258 d 2 h ago", "2026-03-08 07:00:00Z  3 min ago"
    assert difference(said, page, exact=True) is None
    assert difference(said.replace("07", "06"), page, exact=True)
    assert difference(said.replace("07", "06"), page) is None


def test_a_program_that_goes_on_may_say_more() -> None:
    assert difference("ready\nworking", "ready", goes_on=True) is None
    assert difference("ready", "ready\nworking", goes_on=True)
