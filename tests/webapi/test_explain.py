"""GET /v1/schedules/{id}/explain: the facts come from the database, the sentence is told from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from tests.webapi.answers import assert_problem, faults
from tests.webapi.conftest import CreateSchedule
from tests.webapi.ledger import a_row, a_worker, start

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def explain(client: httpx2.AsyncClient, at: str | None = None) -> dict[str, Any]:
    answer = await client.get("/v1/schedules/n/explain", params={} if at is None else {"at": at})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def moved_back(db: Any, created_at: datetime) -> None:
    """As if everything known of the schedules began then."""
    async with db.transaction():
        await db.execute("UPDATE rowcall.schedules SET created_at = $1", created_at)
        await db.execute(
            "UPDATE rowcall.schedule_versions AS v SET valid_from = $1::timestamptz + (v.valid_from - f.first) "
            "FROM (SELECT min(valid_from) AS first FROM rowcall.schedule_versions) AS f",
            created_at,
        )
        await db.execute("UPDATE rowcall.installation SET history_floor_at = $1", created_at)


async def make_due(db: Any) -> None:
    await db.execute("UPDATE rowcall.schedules SET next_run_at = now() - interval '1 minute'")


async def test_it_waits_for_its_next_run(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    created = await a_schedule(name="n")
    told = await explain(client)
    assert (told["code"], told["at"], told["name"]) == ("waiting", None, "n")
    assert told["facts"]["next_run_at"] == created["next_run_at"]


async def test_what_is_due_names_the_task_that_nobody_offers(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n", capability_required="gpu")
    await make_due(db)
    assert (await explain(client))["code"] == "no_worker"

    await a_worker(db, "report@gpu", name="dead:1", silent_seconds=60)
    await a_worker(db, "report", "email")
    told = await explain(client)
    assert told["code"] == "unroutable"
    assert "'report@gpu'" in told["sentence"]
    assert (told["facts"]["live_workers"], told["facts"]["offering_workers"]) == (1, 0)

    await a_worker(db, "report@gpu", slots=3)
    told = await explain(client)
    assert (told["code"], told["facts"]["free_slots"]) == ("due", 3)


async def test_a_worker_whose_slots_are_taken_is_busy(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="other")
    await a_schedule(name="n")
    running = (await client.post("/v1/schedules/other/execute")).json()["execution_id"]
    await start(db, running, await a_worker(db, "report", slots=1))
    await make_due(db)
    assert (await explain(client))["code"] == "busy"


async def test_an_open_execution_is_named(client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any) -> None:
    await a_schedule(name="n")
    running = (await client.post("/v1/schedules/n/execute")).json()["execution_id"]
    await start(db, running, await a_worker(db, "report"))
    waiting = (await client.post("/v1/schedules/n/execute")).json()["execution_id"]

    told = await explain(client)

    assert told["code"] == "running"
    assert f"Execution {running} is running" in told["sentence"]
    shown = [(row["execution_id"], row["is_running"]) for row in told["facts"]["open_executions"]]
    assert shown == [(running, True), (waiting, False)]


async def test_a_pause_tells_since_when_and_why(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    since = (await client.post("/v1/schedules/n/pause", json={"reason": "one"})).json()["updated_at"]
    await client.post("/v1/schedules/n/pause", json={"reason": "two"})

    told = await explain(client)

    assert told["code"] == "paused"
    assert "two (by the API)" in told["sentence"]
    assert told["facts"]["status_since"] == since


async def test_an_occurrence_is_answered_for_by_its_own_row_or_by_one_that_covers_it(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    created = await a_schedule(name="n", cron_expression="0 * * * *")
    await moved_back(db, NOON - HOUR / 2)
    ran = await a_row(db, created["schedule_id"], NOON)
    late = await a_row(db, created["schedule_id"], NOON + 3 * HOUR, covers_after=NOON)
    missed = await a_row(
        db, created["schedule_id"], NOON + 9 * HOUR, "MISSED", covers_after=NOON + 3 * HOUR, reason="grace ran out"
    )
    await a_row(db, created["schedule_id"], NOON + 2 * HOUR, trigger="manual")

    found = {hour: await explain(client, (NOON + hour * HOUR).isoformat()) for hour in (0, 2, 3, 5, 9)}

    codes = {hour: told["code"] for hour, told in found.items()}
    assert codes == {0: "succeeded", 2: "coalesced", 3: "succeeded", 5: "missed", 9: "missed"}
    rows = {hour: told["facts"]["answered_by"]["execution_id"] for hour, told in found.items()}
    assert rows == {0: ran, 2: late, 3: late, 5: missed, 9: missed}
    assert "grace ran out" in found[5]["sentence"]


async def test_other_moments_say_why_there_is_no_answer(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n", cron_expression="0 9 * * *", timezone="Europe/London")
    await moved_back(db, NOON)

    assert (await explain(client, "2026-02-01T09:00"))["code"] == "not_created"
    off = await explain(client, "2026-07-01T10:00")
    assert off["code"] == "not_an_occurrence"
    assert off["facts"]["occurrence_before"] == "2026-07-01T08:00:00Z"  # nine in London's summer
    assert off["facts"]["occurrence_after"] == "2026-07-02T08:00:00Z"
    assert (await explain(client, "2035-01-01T09:00"))["code"] == "ahead"
    await db.execute("UPDATE rowcall.installation SET history_floor_at = now()")
    assert (await explain(client, "2026-07-01T09:00"))["code"] == "not_kept"


async def test_a_moment_is_judged_by_the_rule_and_the_status_of_its_time(
    client: httpx2.AsyncClient, a_schedule: CreateSchedule, db: Any
) -> None:
    await a_schedule(name="n", cron_expression="0 9 * * *")
    await client.post("/v1/schedules/n/pause", json={"reason": "freeze"})
    await client.patch("/v1/schedules/n", json={"cron_expression": "0 10 * * *"})
    days = ("2026-03-01", "2026-03-02", "2026-03-05")
    versions = await db.fetch("SELECT valid_from FROM rowcall.schedule_versions ORDER BY valid_from")
    for version, day in zip(versions, days, strict=True):
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
        await db.execute(
            "UPDATE rowcall.schedule_versions SET valid_from = $1 WHERE valid_from = $2", moment, version[0]
        )
    await db.execute("UPDATE rowcall.schedules SET created_at = '2026-03-01Z'")
    await db.execute("UPDATE rowcall.installation SET history_floor_at = '2026-03-01Z'")

    then = await explain(client, "2026-03-03T09:00")
    assert then["code"] == "paused"
    assert "paused since 2026-03-02 00:00:00 UTC: freeze" in then["sentence"]
    assert (await explain(client, "2026-03-03T10:00"))["code"] == "not_an_occurrence"
    assert (await explain(client, "2026-03-06T09:00"))["code"] == "not_an_occurrence"
    assert (await explain(client, "2026-03-06T10:00"))["code"] == "paused"


async def test_an_invalid_row_explains_itself(client: httpx2.AsyncClient, db: Any) -> None:
    await db.execute(
        "INSERT INTO rowcall.schedules "
        "(name, task_type, schedule_type, cron_expression, timezone, status, status_reason) VALUES "
        "('n', 'x', 'cron', 'every day', 'Mars/Base', 'INVALID', 'no such zone')"
    )
    assert (await explain(client))["sentence"] == "It can't be scheduled: no such zone."
    assert (await explain(client, "2035-01-01"))["code"] == "invalid"


async def test_a_deleted_one_tells_by_its_id(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    created = await a_schedule(name="n")
    await client.delete("/v1/schedules/n")
    answer = await client.get(f"/v1/schedules/{created['schedule_id']}/explain")
    assert answer.json()["code"] == "deleted"


async def test_a_plus_that_became_a_space_is_read(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    answer = await client.get("/v1/schedules/n/explain?at=2035-01-01T09:00:00+02:00")
    assert answer.json()["at"] == "2035-01-01T07:00:00Z"


async def test_a_moment_that_is_none_is_named(client: httpx2.AsyncClient, a_schedule: CreateSchedule) -> None:
    await a_schedule(name="n")
    for at in ("last night", "", "0001-01-01", "9999-12-31T23:59:59Z", "%00"):
        assert "at" in faults(await client.get(f"/v1/schedules/n/explain?at={at}"))
    assert_problem(await client.get("/v1/schedules/nobody/explain"), 404)
