"""All benchmarks, one after another: ``python -m bench [--quick | --long] [NAME …]``."""

from __future__ import annotations

import argparse
import time
from importlib import import_module
from typing import Any

from bench.harness.running import Scenario, add_common, ending_in_order, size_of
from bench.harness.telling import Teller

NAMES = (
    "ceiling",
    "herd",
    "steps",
    "punctuality",
    "idle",
    "memory",
    "selectivity",
    "scale",
    "replicas",
    "recovery",
    "history",
    "audit",
    "api",
    "writes",
    "horizon",
    "peers",
)


def main() -> None:
    """Run those that are named, or all that the size includes."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; left out: all")
    parser.add_argument("--peers", action="store_true", help="other schedulers too; installs them into bench/.peers")
    add_common(parser)
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    scenarios = [scenario_named(name) for name in options.names or NAMES]
    wanted = [
        each
        for each in scenarios
        if options.names or size_of(options) in each.sizes or (options.peers and each.name == "peers")
    ]
    began, teller = time.monotonic(), Teller()
    with ending_in_order(), teller.telling(), teller.step("all", total=len(wanted)) as step:
        for done, scenario in enumerate(wanted):
            step.reached(done)
            since = time.monotonic()
            scenario.run(options, {}, teller)
            teller.say(f"{scenario.name}: {time.monotonic() - since:.0f} s")
    teller.say(f"{len(wanted)} benchmarks in {time.monotonic() - began:.0f} s; results in {options.results}")


def scenario_named(name: str) -> Scenario[Any]:
    """The benchmark of that name."""
    found = import_module(f"bench.{name}").SCENARIO
    assert isinstance(found, Scenario)
    return found


if __name__ == "__main__":
    main()
