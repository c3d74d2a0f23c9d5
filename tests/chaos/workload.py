"""Schedules of every kind, and what people do to them while they run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any, Self

import httpx2

TASKS = ("chaos-succeed", "chaos-fail", "chaos-hang", "chaos-thread", "chaos-crash", "chaos-effect", "chaos-once")
WEIGHTS = (4, 3, 1, 2, 1, 4, 4)

CHANGES: tuple[dict[str, Any], ...] = (
    {"priority": 9},
    {"interval_seconds": 2},
    {"interval_seconds": 3, "jitter_seconds": 1},
    {"cron_fields": {"second": "*/2"}},
    {"max_retries": 5},
    {"overlap_policy": "queue"},
    {"coalesce": "all", "catch_up_limit": 5},
)


def definitions(count: int, random: Random) -> Iterator[dict[str, Any]]:
    """So many schedules, in all kinds of triggers and policies."""
    for number in range(count):
        yield {
            "name": f"chaos-{number}",
            "task_type": random.choices(TASKS, WEIGHTS)[0],
            "priority": random.randint(1, 10),
            "timeout_seconds": 3,
            "max_retries": random.choice([0, 1, 3, 5]),
            "retry_backoff_seconds": random.choice([0, 0.1, 0.5]),
            "grace_period_seconds": random.choice([5, 60, 900]),
            "allow_unknown_task": True,
            **_when(random),
            **_policies(random),
        }


def _when(random: Random) -> dict[str, Any]:
    return random.choice(
        [
            {"interval_seconds": random.randint(1, 5)},
            {"interval_seconds": random.randint(1, 5), "jitter_seconds": random.randint(1, 3)},
            {"cron_fields": {"second": "*/3"}},
            {"cron_fields": {"second": f"{random.randint(0, 2)}-59/4"}, "timezone": "America/New_York"},
            {"cron_expression": "* * * * *"},
            {"cron_expression": "*/1 * * * *", "timezone": "Australia/Lord_Howe"},
            {"interval_seconds": 1, "max_executions": random.randint(1, 20)},
        ]
    )


def _policies(random: Random) -> dict[str, Any]:
    return random.choice(
        [
            {},
            {"overlap_policy": "queue"},
            {"overlap_policy": "allow", "max_instances": 3},
            {"overlap_policy": "cancel_running"},
            {"coalesce": "all", "catch_up_limit": 10},
        ]
    )


class People:
    """Clients of the API. What the API can't do at the moment is no fault of theirs: they try something else later."""

    def __init__(self, url: str, random: Random) -> None:
        self._client = httpx2.AsyncClient(base_url=url, timeout=10.0, trust_env=False)
        self._random = random
        self.schedule_ids: list[int] = []
        self.refused = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def create(self, definition: dict[str, Any]) -> None:
        """Create a schedule; raises when the API does not take it."""
        answer = await self._client.post("/v1/schedules", json=definition)
        answer.raise_for_status()
        self.schedule_ids.append(answer.json()["schedule_id"])

    async def do_something(self) -> str:
        """One random act: pause, resume, change, execute, cancel."""
        act = self._random.choice([self._pause, self._resume, self._change, self._execute, self._cancel])
        schedule_id = self._random.choice(self.schedule_ids)
        try:
            answer = await act(schedule_id)
        except httpx2.HTTPError:
            self.refused += 1
            return "refused"
        self.refused += answer.status_code >= 400
        if answer.status_code == 500:
            raise AssertionError(f"the API answered 500: {answer.text}")
        return act.__name__.strip("_")

    async def pause_all(self) -> None:
        """Stop new occurrences of everything; the API may still be finding its way back to the database."""
        for schedule_id in self.schedule_ids:
            for _ in range(100):
                if (await self._pause(schedule_id)).status_code != 503:
                    break
                await asyncio.sleep(0.2)

    async def _pause(self, schedule_id: int) -> httpx2.Response:
        return await self._client.post(f"/v1/schedules/{schedule_id}/pause", json={"reason": "chaos"})

    async def _resume(self, schedule_id: int) -> httpx2.Response:
        return await self._client.post(f"/v1/schedules/{schedule_id}/resume")

    async def _change(self, schedule_id: int) -> httpx2.Response:
        return await self._client.patch(f"/v1/schedules/{schedule_id}", json=self._random.choice(CHANGES))

    async def _execute(self, schedule_id: int) -> httpx2.Response:
        return await self._client.post(f"/v1/schedules/{schedule_id}/execute", json={})

    async def _cancel(self, schedule_id: int) -> httpx2.Response:
        running = await self._client.get("/v1/executions", params={"status": "RUNNING", "limit": 5})
        executions = running.json().get("executions", [])
        if not executions:
            return running
        return await self._client.post(f"/v1/executions/{self._random.choice(executions)['execution_id']}/cancel")
