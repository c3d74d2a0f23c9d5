"""``rowcall keys``: a secret is told once, and to nobody else."""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rowcall.domain.keys import read_key
from tests.cli.processes import rowcall_process
from tests.cli.support import RowcallCommand


def test_the_key_alone_goes_to_standard_output(rowcall: RowcallCommand, execute: Callable[..., Any]) -> None:
    ran = rowcall("keys", "create", "--scope", "run", "--client", "acme", "--name", "ci")
    key = read_key(ran.out.strip())
    assert ran.code == 0
    assert key is not None
    assert key.key_id in ran.err
    assert ran.out.strip() not in ran.err
    stored = "SELECT (secret_hash, client_id, name, scopes, expires_at)::text FROM rowcall.api_keys WHERE key_id = $1"
    assert execute(stored, key.key_id) == f'("\\\\x{key.secret_hash.hex()}",acme,ci,{{run}},)'


def test_nothing_that_is_listed_holds_a_secret(rowcall: RowcallCommand) -> None:
    made = rowcall("keys", "create", "--expires", "1h", "--json").json
    secret = made["key"][-43:]
    for ran in (
        rowcall("keys", "list"),
        rowcall("keys", "list", "--all", "--json"),
        rowcall("keys", "revoke", made["key_id"]),
    ):
        assert secret not in ran.out + ran.err
        assert made["key_id"] in ran.out + ran.err
    assert made["scopes"] == ["read"]


def test_a_revoked_key_is_listed_on_request(rowcall: RowcallCommand) -> None:
    made = rowcall("keys", "create", "--json").json
    first = rowcall("keys", "revoke", made["key"], "--json").json["revoked_at"]
    assert rowcall("keys", "revoke", made["key_id"], "--json").json["revoked_at"] == first
    assert rowcall("keys", "list", "--json").lines == []
    assert [key["revoked_at"] for key in rowcall("keys", "list", "--all", "--json").lines] == [first]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["create", "--scope", "all"], 2, "'all' is none of read, run, write, admin"),
        (["create", "--expires", "2020-01-01"], 2, "--expires: lies in the past"),
        (["create", "--expires", "soon"], 2, "--expires"),
        (["create", "--client", ""], 2, "--client: 1 to 200 characters"),
        (["create", "--name", "x" * 201], 2, "--name: 1 to 200 characters"),
        (["revoke", "nothere1"], 4, "there is no key 'nothere1'"),
    ],
)
def test_what_can_not_be_is_told(rowcall: RowcallCommand, arguments: list[str], code: int, says: str) -> None:
    ran = rowcall("keys", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err


async def test_the_first_start_makes_a_key_that_only_its_owner_can_read(data_dir: Path) -> None:
    path = data_dir / "admin.key"
    texts = []
    for _ in range(2):
        async with rowcall_process("serve", "--port", "0", ROWCALL_AUTH="keys") as serving:
            url = (await serving.says(r"API +(http://\S+)/v1/schedules"))[1]
            await serving.says(rf"admin key +{path}$")
            texts.append(path.read_text().strip())
            async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
                assert (await client.get("/v1/workers")).status_code == 401
                allowed = await client.get("/v1/workers", headers={"Authorization": f"Bearer {texts[0]}"})
                assert allowed.status_code == 200
            assert texts[0] not in str(serving)
            printed = (await serving.says(r"^ *curl -sS .*"))[0]
            ran = await asyncio.create_subprocess_shell(printed, stdout=asyncio.subprocess.PIPE)
            assert b'"schedule_id":' in (await ran.communicate())[0]
    assert texts[0] == texts[1]
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o600, os.geteuid())


async def test_another_address_is_listened_on_only_where_there_is_a_key(
    dsn: str, monkeypatch: pytest.MonkeyPatch, rowcall: RowcallCommand
) -> None:
    monkeypatch.setenv("ROWCALL_HOST", "0.0.0.0")
    async with rowcall_process("api", "--port", "0") as refused:
        assert await refused.ends() == 2
        assert "rowcall keys create --scope admin" in str(refused)

    made = await asyncio.to_thread(rowcall, "keys", "create", "--json")
    async with rowcall_process("api", "--port", "0") as api:
        port = (await api.says(r"API +http://\S+:(\d+)/v1/schedules"))[1]
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert (await client.get("/v1/schedules")).status_code == 401
            assert (await client.get("/v1/schedules", headers={"X-API-Key": made.json["key"]})).status_code == 200
