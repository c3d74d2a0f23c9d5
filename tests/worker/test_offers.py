"""What a worker offers: its apps' tasks and the built-in one, the routes that follow, and where http may not go."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

import rowcall
from rowcall.domain.errors import InvalidInput
from rowcall.egress.client import HttpClient
from rowcall.settings import Settings
from rowcall.worker.builtin.http_task import egress_policy, http_task
from rowcall.worker.offers import Offers, offers_of


def nothing() -> None:
    """A task."""


def an_app(name: str, *task_types: str, capability: str | None = None) -> rowcall.App:
    app = rowcall.App(name)
    for task_type in task_types:
        app.task(task_type, capability=capability)(nothing)
    return app


def offers(*apps: rowcall.App, capabilities: tuple[str, ...] = ()) -> Offers:
    return offers_of(apps, [], capabilities)


def test_a_task_is_reached_with_each_of_its_capabilities_and_without_any() -> None:
    found = offers(an_app("billing", "report", capability="report-v2"))
    assert found.routes == ["report", "report@report-v2"]


def test_the_workers_own_capabilities_are_those_of_all_its_tasks() -> None:
    found = offers(an_app("billing", "report", "invoice"), capabilities=("gpu",))
    assert found.routes == ["invoice", "invoice@gpu", "report", "report@gpu"]


def test_a_task_type_that_two_apps_offer_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="'report' of app 'sales' is offered already"):
        offers(an_app("billing", "report"), an_app("sales", "report"))


async def test_a_built_in_task_type_cannot_be_taken() -> None:
    async with HttpClient(egress_policy(Settings())) as client:
        with pytest.raises(InvalidInput, match="'http' of app 'billing' is offered already"):
            offers_of([an_app("billing", "http")], [http_task(client, Settings())], [])


def test_every_fault_of_all_apps_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        offers(an_app("a", "x", "y"), an_app("b", "x"), an_app("c", "y"))
    assert len(refused.value.faults) == 2


def test_a_schedule_on_what_never_became_a_task_is_refused() -> None:
    app = rowcall.App("billing")
    app.schedule(cron="0 9 * * *")(nothing)
    with pytest.raises(InvalidInput, match=r"no @app\.task"):
        offers(app)


@pytest.mark.parametrize(
    ("settings", "host", "port"),
    [
        (Settings(host="10.0.0.7", port=8000, http_allow=("10.0.0.0/8",)), "10.0.0.7", 8000),
        (Settings(database_url="postgresql://me@10.0.0.8:6432/x", http_allow=("10.0.0.0/8",)), "10.0.0.8", 6432),
        (Settings(database_url="postgresql://me@10.0.0.8/x", http_allow=("10.0.0.0/8",)), "10.0.0.8", 5432),
        (Settings(host="::1", port=8000, http_allow=("localhost", "::1")), "::1", 8000),
        (Settings(host="::1", port=18000, probe_port=18001, http_allow=("::1",)), "::1", 18001),
        (Settings(database_url="postgresql://me@[fd00::8]:54321/x", http_allow=("fd00::/8",)), "fd00::8", 54321),
        (Settings(database_url="postgresql://me@[fd00::8]/x", http_allow=("fd00::/8",)), "fd00::8", 5432),
    ],
    ids=[
        "its API",
        "its database",
        "its database's usual port",
        "its API by IPv6",
        "its probes by IPv6",
        "its database by IPv6",
        "its database's usual port by IPv6",
    ],
)
def test_http_never_calls_rowcall_itself_whatever_is_allowed(settings: Settings, host: str, port: int) -> None:
    policy = egress_policy(settings)
    assert policy.objection(host, port, [ip_address(host)]) is not None
    assert policy.objection(host, port + 1, [ip_address(host)]) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_api_on_all_of_a_machines_addresses_is_called_at_none_of_them(host: str) -> None:
    policy = egress_policy(Settings(host=host, port=8000, http_allow=("localhost", "::1", "127.0.0.1")))
    assert policy.denies_this_machine(8000)
    assert not policy.denies_this_machine(8001)
