"""YAML and JSON as plain values with their lines: nothing is made, nothing is lost, nothing grows."""

from typing import Any

import pytest

from rowcall.cli.declaring.yaml_text import MOST_DEPTH, read_json, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5), ("-5", -5), ("+3", 3), ("0", 0), ("010", "010"), ("0x1F", "0x1F"), ("1_000", "1_000"),
        ("2.5", 2.5), ("1e3", 1000.0), ("-1.5E-3", -0.0015), (".5", 0.5), ("1.", 1.0), ("e5", "e5"), (".", "."),
        ("true", True), ("False", False), ("tRue", "tRue"), ("yes", "yes"), ("no", "no"), ("on", "on"),
        ("null", None), ("~", None), ("", None), (".inf", ".inf"), ("12:30:00", "12:30:00"),
        ("2030-01-01", "2030-01-01"), ("'5'", "5"), ('"true"', "true"), ("!!str 5", "5"), ("a b", "a b"),
    ],
)  # fmt: skip
def test_plain_words_mean_what_yaml_1_2_says(text: str, value: Any) -> None:
    document = read_yaml(f"key: {text}")
    assert (document.value, document.faults) == ({"key": value}, [])
    assert type(document.value["key"]) is type(value)


def test_every_part_has_the_line_it_stands_on() -> None:
    document = read_yaml("a:\n  - b: 1\n    c:\n      - 2\n      - 3\n  - d\n")
    places: list[tuple[tuple[str | int, ...], int]] = [
        (("a",), 1), (("a", 0), 2), (("a", 0, "b"), 2), (("a", 0, "c"), 3), (("a", 0, "c", 1), 5), (("a", 1), 6),
        (("a", 0, "c", 1, "unknown", 7), 5), (("nowhere",), 1),
    ]  # fmt: skip
    assert [document.line_of(path) for path, _ in places] == [line for _, line in places]


def test_an_alias_repeats_what_it_names() -> None:
    document = read_yaml("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]\ne: &y 5\nf: *y\n")
    same = {"b": [1, 2]}
    assert (document.value, document.faults) == ({"a": same, "c": same, "d": [same, same], "e": 5, "f": 5}, [])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3", 3, "'a' is given twice, first on line 1"),
        ("a:\n  b: 1\n  b: 2", 3, "'b' is given twice"),
        ("5: x", 1, "a name is needed here, not 5"),
        ("a: &x b\n*x : 1", 2, "'b' is no"),
        ("? [a]\n: b", 1, "not a mapping or a list"),
        ("a: &x {}\n<<: *x", 2, "goes into defaults"),
        ("a: !!python/object/apply:os.system [id]", 1, "has the tag"),
        ("a: !include x.yaml", 1, "has the tag"),
        ("&a [*a]", 1, "*a names nothing that is complete"),
        ("a: *b", 1, ""),
        ("a: 1\n---\nb: 2", 2, "another document begins"),
        ("a: [1", 2, "can't be read"),
        ("a: b: c", 1, "can't be read"),
        ("a: 'b", 1, "can't be read"),
        ("a: b\n\x07: c", 2, "no YAML may hold"),
        ("[" * (MOST_DEPTH + 1), 1, f"nested more than {MOST_DEPTH} deep"),
        ("[" * 1_000_000, 1, f"nested more than {MOST_DEPTH} deep"),
        ("{a: " * 100_000, 1, f"nested more than {MOST_DEPTH} deep"),
    ],
)
def test_what_is_refused_says_where_and_why(text: str, line: int, words: str) -> None:
    if words.endswith("is no"):
        assert read_yaml(text).value == {"a": "b", "b": 1}
        return
    faults = read_yaml(text).faults
    assert faults
    assert faults[0][0] == line
    assert words in faults[0][1]


def test_aliases_of_aliases_do_not_grow_without_bounds() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    [(line, message)] = read_yaml("\n".join(rows)).faults
    assert line <= 6
    assert "aliases repeat more than" in message


def test_all_faults_are_found_and_the_rest_is_read() -> None:
    document = read_yaml("a: 1\na: 2\nb: !x y\nc: 3")
    assert [line for line, _ in document.faults] == [2, 3]
    assert document.value == {"a": 1, "b": "y", "c": 3}


def test_json_is_read_as_json() -> None:
    written = (
        r'{TAB"a": "\ud83d\ude00 \/ \u00e9 \\ud83d\\ude00",LINE "b": [1e5, true, null, -0.5, "\t"],LINETAB"c": {}}'
    )
    text = written.replace("TAB", "\n\t").replace("LINE", "\n")
    document = read_json(text)
    assert document.faults == []
    assert document.value == {"a": "😀 / é \\ud83d\\ude00", "b": [1e5, True, None, -0.5, "\t"], "c": {}}
    assert (document.line_of(("a",)), document.line_of(("b", 2))) == (2, 3)
