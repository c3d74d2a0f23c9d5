"""``python -m tests.contract``: try every operation with many examples, on a server without keys and on one with them.

Exits 1 if anything was found, and says what.
"""

from __future__ import annotations

import argparse
import sys

from tests.folders import short_lived_folder

from .trying import a_key, a_server, put_something_in, schemathesis


def main() -> int:
    parser = argparse.ArgumentParser(prog="make contract", description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="for each operation (200)")
    options = parser.parse_args()
    return max(attempt(options.examples, auth) for auth in ("auto", "keys"))


def attempt(examples: int, auth: str) -> int:
    """One run on a server of its own: 0 if nothing was found."""
    with short_lived_folder() as folder:
        environment = {"ROWCALL_AUTH": auth}
        headers = {"X-API-Key": a_key(folder, environment)} if auth == "keys" else {}
        with a_server(folder, environment) as (url, program):
            print(f"ROWCALL_AUTH={auth}: {examples} examples for each operation of {url} …", flush=True)
            put_something_in(url, headers)
            tried = schemathesis(url, folder, examples, headers)
            print(tried.stdout, flush=True)
            broken = "request_failed" in program.output
            print(program.output if broken else "", end="")
    return int(tried.returncode != 0 or broken)


if __name__ == "__main__":
    sys.exit(main())
