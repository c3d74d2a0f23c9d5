"""Which Host and Origin may ask."""

from __future__ import annotations

import httpx2
import pytest

from rowcall.settings import Settings
from rowcall.webapi import is_loopback
from rowcall.webapi.hosts import known_hosts
from tests.webapi.answers import assert_problem


@pytest.fixture
def dsn(unchanged_dsn: str) -> str:
    return unchanged_dsn


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8000"])
async def test_the_names_of_this_machine_are_answered(client: httpx2.AsyncClient, host: str) -> None:
    assert (await client.get("/livez", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:8000:1",
        "localhost:x",
        "",
        "[::2]",
        "::1",
        "a@localhost",
    ],
)
async def test_every_other_name_is_refused_before_anything_else(client: httpx2.AsyncClient, host: str) -> None:
    problem = assert_problem(await client.get("/livez", headers={"Host": host}), 421)
    assert "ROWCALL_ALLOWED_HOSTS" in problem["detail"]


class TestWithAHostInTheSettings:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(allowed_hosts=("Rowcall.internal",))

    async def test_it_is_answered_too(self, client: httpx2.AsyncClient) -> None:
        for host, status in (("rowcall.internal:80", 200), ("localhost", 200), ("other.internal", 421)):
            assert (await client.get("/livez", headers={"Host": host})).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),
        ({"Origin": "http://127.0.0.1:8000"}, 404),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": "127.0.0.1:8000"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "HTTP://127.0.0.1:8000"}, 404),
    ],
)
async def test_a_page_of_another_site_changes_nothing(
    client: httpx2.AsyncClient, headers: dict[str, str], status: int
) -> None:
    assert_problem(await client.post("/v1/schedules/nobody/execute", headers=headers), status)
    assert (await client.get("/livez", headers=headers)).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_loopback_addresses_are_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "localhost.evil.example"])
def test_no_other_address_is_taken_for_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_the_address_listened_on_is_a_known_host() -> None:
    assert {"10.0.0.1", "localhost", "api.example"} <= known_hosts(["API.example"], "10.0.0.1")
    assert "[fd00::1]" in known_hosts([], "fd00::1")
