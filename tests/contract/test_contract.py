"""A few examples for every operation, so that a fault is found where it is made; `make contract` tries many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.trying import a_key, a_server, put_something_in, schemathesis

FEW = 2


@pytest.mark.parametrize("with_a_key", [False, True], ids=["open", "with a key"])
def test_every_operation_does_what_the_document_says(tmp_path: Path, dsn: str, *, with_a_key: bool) -> None:
    environment = {"DATABASE_URL": dsn, "ROWCALL_AUTH": "keys" if with_a_key else "auto"}
    headers = {"X-API-Key": a_key(tmp_path, environment)} if with_a_key else {}
    with a_server(tmp_path, environment) as (url, program):
        put_something_in(url, headers)

        tried = schemathesis(url, tmp_path, FEW, headers)

        assert tried.returncode == 0, tried.stdout
        assert "request_failed" not in program.output
