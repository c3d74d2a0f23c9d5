"""``python -m tests.mutations``: break one promise at a time, and see that the tests named for it fail.

Exits 1 if a mutation survives, or no longer finds what it edits, or if a named test fails without any mutation.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rowcall.embedded import start_throwaway
from tests.folders import short_lived_folder

from .catalogue import MUTATIONS
from .mutation import DoesNotApply, Mutation, copy_tree

LONGEST_SECONDS = 150.0
ALL_NAMED_SECONDS = 900.0
TEST_FAILED = 1
FAILED = re.compile(r"^FAILED (\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutation: the tests that failed, and what is wrong if not all that are named did."""

    mutation: Mutation
    failed: Sequence[str]
    wrong: str | None
    seconds: float


async def run_tests(
    tree: Path, environment: Mapping[str, str], tests: Sequence[str], within: float = LONGEST_SECONDS
) -> tuple[int, str]:
    """Run these tests in a tree: pytest's exit code, and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-n", "0", *tests,
        cwd=tree, env={**os.environ, **environment, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), within)
    except TimeoutError:
        process.kill()
        await process.wait()
        return -1, f"it was not over within {within:g} s"
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace")


async def judge(mutation: Mutation, tree: Path, environment: Mapping[str, str]) -> Verdict:
    """Apply one mutation to a tree and run what is named for it."""
    began = time.monotonic()
    try:
        with mutation.applied(tree):
            code, output = await run_tests(tree, environment, mutation.tests)
    except DoesNotApply as fault:
        return Verdict(mutation, (), str(fault), 0.0)
    failed = sorted(set(FAILED.findall(output)))
    unmoved = {test.partition("[")[0] for test in mutation.tests} - set(failed)
    wrong = None
    if code not in (0, TEST_FAILED):
        wrong = f"the tests did not run:\n{output[-2000:]}"
    elif unmoved:
        wrong = f"SURVIVED: {', '.join(sorted(unmoved))} did not fail"
    return Verdict(mutation, failed, wrong, time.monotonic() - began)


async def judge_all(
    mutations: Sequence[Mutation], trees: Sequence[Path], environment: Mapping[str, str], tell: Console
) -> list[Verdict]:
    """Judge them all, as many at once as there are trees; in the order of the catalogue."""
    waiting = list(enumerate(mutations))
    verdicts: dict[int, Verdict] = {}

    async def work_in(tree: Path) -> None:
        while waiting:
            number, mutation = waiting.pop(0)
            verdict = verdicts[number] = await judge(mutation, tree, environment)
            sign = "killed  " if verdict.wrong is None else "SURVIVED"
            tell.print(f"{len(verdicts):3}/{len(mutations)} {sign} {verdict.seconds:5.1f} s  {mutation.breaks}")

    await asyncio.gather(*(work_in(tree) for tree in trees))
    return [verdicts[number] for number in sorted(verdicts)]


async def untouched(mutations: Sequence[Mutation], tree: Path, environment: Mapping[str, str], tell: Console) -> bool:
    """Whether all that is named passes while nothing is broken: else its failing would prove nothing."""
    named = sorted({test for mutation in mutations for test in mutation.tests})
    code, output = await run_tests(tree, environment, named, within=ALL_NAMED_SECONDS)
    tell.print(f"{len(named)} tests {'pass' if code == 0 else 'do NOT all pass'} without a mutation")
    if code != 0:
        tell.print(output[-4000:], markup=False)
    return code == 0


def table(verdicts: Sequence[Verdict]) -> Table:
    """Mutation → the tests that fail."""
    made = Table("mutation", "test that fails", "s", box=None, pad_edge=False)
    for verdict in verdicts:
        names = "\n".join(test.partition("::")[2] for test in verdict.failed)
        made.add_row(verdict.mutation.breaks, verdict.wrong or names, f"{verdict.seconds:.1f}")
    return made


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutations", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORDS", help="only mutations whose description holds one of these")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="at once (one for each core)")
    parser.add_argument("--list", action="store_true", help="only tell what would be broken")
    return parser.parse_args()


def main() -> int:
    chosen, tell = options(), Console(stderr=True, highlight=False, soft_wrap=True)
    wanted = [each for each in MUTATIONS if not chosen.words or any(word in each.breaks for word in chosen.words)]
    if chosen.list or not wanted:
        print("\n".join(each.breaks for each in wanted) or f"no mutation speaks of {' or '.join(chosen.words)}")
        return 0 if wanted else 2
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="rowcall-mutations-") as folder,
        short_lived_folder() as data,
        start_throwaway(data) as server,
    ):
        trees = [copy_tree(Path(folder) / str(number)) for number in range(max(1, chosen.jobs))]
        environment = {"ROWCALL_TEST_DATABASE_URL": server.dsn}
        if not asyncio.run(untouched(wanted, trees[0], environment, tell)):
            return 1
        verdicts = asyncio.run(judge_all(wanted, trees, environment, tell))
    Console(width=200, highlight=False).print(table(verdicts))
    survivors = [verdict for verdict in verdicts if verdict.wrong is not None]
    print(f"\n{len(verdicts)} mutations, {len(survivors)} not noticed, in {time.monotonic() - began:.0f} s")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
