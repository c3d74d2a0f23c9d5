"""Every mutation still finds what it edits and names tests that exist. Whether those fail, `make mutations` tells."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.mutations.catalogue import MUTATIONS
from tests.mutations.mutation import ROOT, DoesNotApply, Edit, Mutation, names_in

GUARD = re.compile(r"\b\w+\.fence = (?:\w+\.fence|run_fence|\$\d)")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.breaks)
def test_a_mutation_applies_and_its_tests_exist(mutation: Mutation) -> None:
    for path, text in mutation.mutated(ROOT).items():
        assert text != path.read_text()
        if path.suffix == ".py":
            ast.parse(text)
    for node in mutation.tests:
        file, _, name = node.partition("::")
        assert name.rpartition("::")[2].partition("[")[0] in names_in(ROOT / file), node


def test_no_two_mutations_have_the_same_name() -> None:
    assert len({mutation.breaks for mutation in MUTATIONS}) == len(MUTATIONS)


def test_every_statement_that_the_fence_guards_has_a_mutation_that_takes_the_guard_away() -> None:
    guarded = {file for file in (ROOT / "rowcall" / "store" / "sql").glob("*.sql") if GUARD.search(file.read_text())}
    without_guard = {
        path for mutation in MUTATIONS for path, text in mutation.mutated(ROOT).items() if more_guards_in(path, text)
    }
    assert guarded - without_guard == set()
    assert ROOT / "schema.sql" in without_guard


def more_guards_in(path: Path, mutated: str) -> bool:
    return len(GUARD.findall(path.read_text())) > len(GUARD.findall(mutated))


@pytest.mark.parametrize("text", ["nothing of it", "once, and once more"])
def test_an_edit_that_finds_nothing_or_too_much_says_so(text: str) -> None:
    with pytest.raises(DoesNotApply, match="should hold once"):
        Edit("a.py", "once", "never").applied_to(text)


def test_a_tree_is_as_it_was_when_the_mutation_is_over(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("one, two")
    with Mutation("it", (Edit("a.py", "one", "1"), Edit("a.py", "two", "2")), ()).applied(tmp_path):
        assert file.read_text() == "1, 2"
    assert file.read_text() == "one, two"
