"""rowcall.explain in SQL tells what the domain tells: random situations, and every moment that may matter in each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import asyncpg
import pytest

from rowcall.domain.explain import explain_now, told_span
from rowcall.domain.explain_moment import explain_at
from rowcall.store.database import Database
from rowcall.store.explaining import moment_of, standing_of
from rowcall.store.schedules import find_schedule
from tests.store.stories import HOUR, MINUTE, ASchedule, Connection

ROUNDS, MOST_ROUNDS, MOMENTS = 80, 800, 9
ENDINGS = ("SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED", "LOST", "SKIPPED", "MISSED", "QUEUED", "RUNNING")
NOW_CODES = {
    "deleted", "invalid", "completed", "paused", "running", "retrying", "no_worker", "unroutable", "busy", "due",
    "unplanned", "waiting",
}  # fmt: skip
THEN_CODES = {ending.lower() for ending in ENDINGS} | {
    "not_created", "invalid", "not_an_occurrence", "coalesced", "ahead", "not_kept", "paused", "deleted", "completed",
}  # fmt: skip
TRIGGERS: Sequence[dict[str, Any]] = (
    {"schedule_type": "interval", "interval_seconds": 3600},
    {"schedule_type": "interval", "interval_seconds": 7},
    {"schedule_type": "one_time"},
    {"schedule_type": "cron", "cron_expression": "*/5 * * * *"},
    {"schedule_type": "cron", "cron_fields": '{"minute": "*/5"}'},
)
REASONS = (
    None, "", "asked for", "backfilled: paused: so it is", "backfilled: grace: too late", "backfilled: unroutable: no",
    "backfilled: catch_up_limit: only the newest", "backfilled: catch_up_limit: 3 were waiting",
)  # fmt: skip
ZONES, NO_ZONES = ("UTC", "Europe/London", "Asia/Kathmandu", "EST5EDT"), ("europe/london", "Nowhere", "localtime")


STATUSES = ("ACTIVE", "ACTIVE", "ACTIVE", "PAUSED", "COMPLETED", "DISABLED")
"""INVALID is drawn only for a rule that can't be read: that is what makes a schedule INVALID."""


class Situation:
    """One schedule with a past, what is open of it, and who works; all of it drawn."""

    def __init__(self, db: Connection, random: Random) -> None:
        self._db = db
        self._random = random
        self.now = datetime.now(UTC)
        self.created_at = self.now - self._some(HOUR, 60 * HOUR)
        self.moments: list[datetime] = []
        self.statuses: Sequence[str] = STATUSES

    def _some(self, least: timedelta, most: timedelta) -> timedelta:
        return least + self._random.choice([0.0, self._random.random()]) * (most - least)

    async def make(self) -> int:
        await self._db.execute("SET session_replication_role = replica")
        for table in ("schedules", "schedule_versions", "schedule_executions", "open_executions", "workers"):
            await self._db.execute(f"DELETE FROM rowcall.{table}")
        await self._db.execute(
            "UPDATE rowcall.installation SET history_floor_at = $1",
            self.created_at + self._random.choice([-1, -1, 6]) * HOUR,
        )
        schedule_id = await self._schedule()
        await self._past(schedule_id)
        await self._workers()
        for number in range(self._random.choice([0, 0, 1, 2, 25])):
            await self._open(schedule_id, number + 1)
        return schedule_id

    async def _insert(self, table: str, **columns: Any) -> Any:
        names, places = (
            ", ".join(f'"{name}"' for name in columns),
            ", ".join(f"${n}" for n in range(1, len(columns) + 1)),
        )
        return await self._db.fetchrow(
            f"INSERT INTO rowcall.{table} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING RETURNING *",
            *columns.values(),
        )

    async def _schedule(self) -> int:
        random = self._random
        trigger = dict(random.choice(TRIGGERS))
        if trigger["schedule_type"] == "one_time":
            trigger["scheduled_time"] = self.created_at + self._some(-HOUR, 61 * HOUR)
        else:
            trigger["starts_at"] = random.choice([None, self.created_at + self._some(-HOUR, 2 * HOUR)])
        trigger["ends_at"] = random.choice([None, None, self.now + self._some(-20 * HOUR, HOUR)])
        if trigger["ends_at"] and trigger.get("starts_at") and trigger["starts_at"] > trigger["ends_at"]:
            trigger["ends_at"] = None
        if "cron_expression" in trigger and random.random() < 0.3:
            trigger["cron_expression"] = "61 * * * *"
        zone = random.choice(ZONES) if random.random() < 0.9 else random.choice(NO_ZONES)
        if trigger.get("cron_expression") == "61 * * * *" or zone in NO_ZONES:
            self.statuses = [*STATUSES, "INVALID", "INVALID"]
        status = random.choice(self.statuses)
        reason = random.choice(["so it is", ""]) if status != "ACTIVE" else None
        active = status == "ACTIVE" and self.statuses is STATUSES  # what can't be read was never planned
        next_run_at = self._next_run(trigger) if active and random.random() < 0.8 else None
        row = await self._insert(
            "schedules", client_id="default", name="it's", task_type="work", route=random.choice(["work", "work@g'pu"]),
            status=status, status_reason=reason, disabled_at=self.now if status == "DISABLED" else None,
            timezone=zone, created_at=self.created_at, updated_at=self.now - HOUR,
            next_run_at=next_run_at, next_occurrence_at=next_run_at, **trigger,
        )  # fmt: skip
        self.moments += [moment for name in ("starts_at", "ends_at", "scheduled_time") if (moment := row[name])]
        return int(row["schedule_id"])

    def _next_run(self, trigger: dict[str, Any]) -> datetime | None:
        """Due or ahead; of a cron rule one that it names, in its window."""
        hours = self._random.choice([-1, 2])
        if trigger["schedule_type"] != "cron":
            return self.now + hours * HOUR
        moment = self.now.replace(minute=0, second=0, microsecond=0) + hours * HOUR
        outside = (trigger["starts_at"] or moment) > moment or (trigger["ends_at"] or moment) < moment
        return None if outside else moment

    async def _past(self, schedule_id: int) -> None:
        """Versions from the creation on, the last with the present status; and some rows of the ledger."""
        random = self._random
        count = random.randrange(0, 5)
        changes = sorted(self.now - self._some(MINUTE, self.now - self.created_at) for _ in range(count))
        for number, moment in enumerate([self.created_at, *changes], start=1):
            last = number == len(changes) + 1
            drawn = random.choice(self.statuses)
            await self._db.execute(
                "INSERT INTO rowcall.schedule_versions (schedule_id, valid_from, version, status, status_reason,"
                " definition, tzdata_version) SELECT s.schedule_id, $2, $3, CASE WHEN $4 THEN s.status ELSE $5 END,"
                " $6, rowcall.definition_of(s), 't' FROM rowcall.schedules AS s WHERE s.schedule_id = $1"
                " ON CONFLICT DO NOTHING",
                schedule_id, moment, number, last, drawn, random.choice([None, "for a reason"]),
            )  # fmt: skip
        for number in range(random.randrange(0, 6)):
            await self._ledger_row(schedule_id, number)

    async def _occurrence(self, schedule_id: int) -> datetime:
        """A moment of the past, most often one that an interval names."""
        row = await self._db.fetchrow("SELECT * FROM rowcall.schedules WHERE schedule_id = $1", schedule_id)
        assert row is not None
        if row["scheduled_time"] is not None:
            once: datetime = row["scheduled_time"]
            return once
        step = timedelta(seconds=row["interval_seconds"] or 600)
        first = row["starts_at"] or self.created_at + step
        if row["interval_seconds"] is None:
            first = self.created_at.replace(minute=0, second=0, microsecond=0)
        steps = max(0, (self.now - first) // step)
        return first + self._random.randrange(0, steps + 2) * step

    async def _ledger_row(self, schedule_id: int, number: int) -> None:
        random = self._random
        status = random.choice(ENDINGS)
        moment = min(await self._occurrence(schedule_id), self.now + 40 * HOUR)
        ran = status not in {"SKIPPED", "MISSED", "QUEUED"} and (status != "CANCELLED" or random.random() < 0.5)
        late = timedelta(seconds=random.choice([0, 0.000001, 0.0625, 2, 9.9951, 999.6, 1200, 100000]))
        final = status not in {"QUEUED", "RUNNING"}
        ended_well = status == "SUCCEEDED"
        await self._db.execute(
            "INSERT INTO rowcall.schedule_executions (execution_id, schedule_id, scheduled_for, covers_after,"
            " executed_at, finished_at, worker_id, duration_seconds, schedule_version, attempt, priority, trigger,"
            " status, task_type, reason, input_data, error_message, backfill_id)"
            " VALUES ($1, $2, $3, $4, $5, $6, 1, $7, 1, $8, 5, $9, $10, 'work', $11, '{}', $12, $13)"
            " ON CONFLICT DO NOTHING",
            1000 + number, schedule_id, moment, random.choice([None, moment - self._some(MINUTE, 9 * HOUR)]),
            moment + late if ran else None, self.now if final else None,
            random.choice([None, 0.0, 1.25, 1e-7, 1234.5678, 0.1 + 0.2]) if final else None,
            random.choice([0, 1, 4] if status == "QUEUED" else [1, 1, 4]),
            random.choice(["schedule", "schedule", "manual", "backfill"]), status,
            "so it is" if status in {"SKIPPED", "MISSED"} else random.choice(REASONS),
            random.choice([None if ended_well else "", "", "ValueError: no\nTraceback", "x" * 300, "\nlater"])
            if final else None,
            random.choice([None, None, 7]),
        )  # fmt: skip
        self.moments += [moment, moment - MINUTE, moment + timedelta(microseconds=1), moment - 10 * MINUTE]

    async def _workers(self) -> None:
        for number in range(self._random.choice([0, 1, 2])):
            await self._insert(
                "workers", name=f"w{number}", host="h", pid=1, rowcall_version="0", lease_seconds=600.0,
                routes=self._random.choice([["other"], ["work"], ["work", "work@g'pu"]]),
                slots=self._random.choice([0, 0, 30]), status=self._random.choice(["RUNNING", "RUNNING", "DRAINING"]),
                last_beat_at=self.now - self._random.choice([0, 0, 1]) * HOUR,
            )  # fmt: skip

    async def _open(self, schedule_id: int, number: int) -> None:
        kind = self._random.choice(["running", "queued", "later", "waiting"])
        worker = await self._db.fetchval("SELECT min(worker_id) FROM rowcall.workers")
        worker = (worker or 99) if kind == "running" else None
        available = {"queued": self.now - HOUR, "later": self.now + HOUR}.get(kind)
        moment = self.now - number * timedelta(seconds=1)
        await self._insert(
            "open_executions", execution_id=number, schedule_id=schedule_id, scheduled_for=moment, priority=5,
            available_at=available, worker_id=worker, trigger="manual", route="work",
        )  # fmt: skip
        await self._insert(
            "schedule_executions", execution_id=number, schedule_id=schedule_id, scheduled_for=moment,
            available_at=available, worker_id=worker, executed_at=self.now - HOUR if worker else None, priority=5,
            schedule_version=1, attempt=self._random.choice([1, 2]), trigger="manual", task_type="work",
            status="RUNNING" if worker else "QUEUED", input_data="{}",
        )  # fmt: skip

    async def every_moment(self, schedule_id: int) -> list[datetime]:
        named = [await self._occurrence(schedule_id)]
        planned = await self._db.fetchval("SELECT next_occurrence_at FROM rowcall.schedules")
        around = [self.created_at - HOUR, self.created_at, self.now - 9 * MINUTE, self.now + 30 * HOUR]
        moments = [*self.moments, *named, *around, *([planned] if planned else [])]
        told_apart = [moment for moment in moments if abs(moment - self.now) > timedelta(minutes=2)]
        return self._random.sample(told_apart, min(MOMENTS, len(told_apart)))


async def told_by_the_domain(database: Database, schedule_id: int, at: datetime | None) -> tuple[str, str]:
    schedule = await find_schedule(database, schedule_id)
    standing = await standing_of(database, schedule)
    told = explain_now(standing) if at is None else explain_at(await moment_of(database, schedule, at), standing)
    return told.code, told.sentence


async def told_by_sql(db: Connection, schedule_id: int, at: datetime | None) -> tuple[str, str]:
    row = await db.fetchrow("SELECT * FROM rowcall.explanation($1, $2)", str(schedule_id), at)
    assert row is not None
    return row["code"], row["sentence"]


async def test_sql_tells_the_sentence_of_the_domain(db: Connection, database: Database) -> None:
    await db.execute("SELECT rowcall.ensure_partitions(now() - interval '5 days', now() + interval '5 days')")
    random, now_seen, then_seen, left_out = Random(5), set[str](), set[str](), 0
    for number in range(MOST_ROUNDS):
        if number >= ROUNDS and left_out and now_seen >= NOW_CODES and then_seen >= THEN_CODES:
            return  # nothing that can be said was left untried
        situation = Situation(db, random)
        schedule_id = await situation.make()
        for at in [None, *await situation.every_moment(schedule_id)]:
            said, domain = await told_by_sql(db, schedule_id, at), await told_by_the_domain(database, schedule_id, at)
            if said[0] == "not_computed":
                await check_left_out(db, at, said[1])
                left_out += 1
                continue
            assert said == domain, f"situation {number}, at {at}"
            (now_seen if at is None else then_seen).add(said[0])
    pytest.fail(f"never said: {NOW_CODES - now_seen}, {THEN_CODES - then_seen}")


async def check_left_out(db: Connection, at: datetime | None, sentence: str) -> None:
    """Only of a cron rule, and only where no row stands at that moment and nothing is planned for it."""
    row = await db.fetchrow("SELECT schedule_type, next_occurrence_at, schedule_id FROM rowcall.schedules")
    assert row is not None
    assert (row["schedule_type"], row["next_occurrence_at"] == at) == ("cron", False)
    assert f"GET /v1/schedules/{row['schedule_id']}/explain" in sentence
    assert not await db.fetchval(
        "SELECT count(*) FROM rowcall.schedule_executions WHERE scheduled_for = $1 AND trigger <> 'manual'", at
    )


async def test_spans_are_told_alike(db: Connection) -> None:
    random = Random(1)
    spans = [0.0, 1e-7, 0.0625, 1.125, 9.995, 99.95, 999.5, 999.4999, 1000.0, 86399.5, 86400.0, 200000.0]
    spans += [10 ** random.uniform(-7, 6) for _ in range(2000)] + [
        round(random.uniform(0, 1100), 3) for _ in range(2000)
    ]

    told = await db.fetchval(
        "SELECT array_agg(rowcall.told_span(s::text::numeric) ORDER BY n)"
        " FROM unnest($1::float8[]) WITH ORDINALITY AS u (s, n)",
        spans,
    )

    assert told == [told_span(span) for span in spans]


async def test_the_monitor_role_is_told_all_but_the_text_of_an_error(db: Connection, a_schedule: ASchedule) -> None:
    failed = await a_schedule(name="nightly", created_at=datetime.now(UTC) - HOUR)
    await db.execute(
        "INSERT INTO rowcall.schedule_executions (schedule_id, scheduled_for, executed_at, finished_at,"
        " duration_seconds, schedule_version, attempt, priority, trigger, status, task_type, input_data, error_message)"
        " VALUES ($1, date_trunc('hour', now()), date_trunc('hour', now()), now(), 1, 1, 1, 5, 'schedule', 'FAILED',"
        " 'work', '{}', 'ValueError: the key is 4711')",
        failed,
    )
    question = "SELECT rowcall.explain('nightly', date_trunc('hour', now()))"

    told = await db.fetchval(question)
    await db.execute("SET SESSION AUTHORIZATION rowcall_monitor")

    assert told.endswith("and failed after 1 s: ValueError: the key is 4711.")
    assert await db.fetchval(question) == told.replace(": ValueError: the key is 4711", "")


@pytest.mark.parametrize("name", ["nobody", "4711", "9" * 30, "gone"])
async def test_a_schedule_that_is_not_there_is_said_to_be(db: Connection, a_schedule: ASchedule, name: str) -> None:
    gone = await a_schedule(name="gone")
    await db.execute("UPDATE rowcall.schedules SET status = 'DISABLED' WHERE schedule_id = $1", gone)

    with pytest.raises(asyncpg.NoDataFoundError, match=f"client 'default' has no schedule '{name}'"):
        await db.fetchval("SELECT rowcall.explain($1)", name)


async def test_what_a_session_puts_in_the_way_is_not_asked(db: Connection, a_schedule: ASchedule) -> None:
    await a_schedule(name="nightly")
    told = await db.fetchval("SELECT rowcall.explain('nightly')")
    await db.execute(
        "CREATE FUNCTION pg_temp.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT ''fooled''';"
        "CREATE TEMPORARY TABLE v_open (worker_id int); SET search_path = pg_temp, pg_catalog"
    )
    assert await db.fetchval("SELECT rowcall.explain('nightly')") == told


async def test_a_zone_whose_name_is_an_abbreviation_too_has_its_summer(
    db: Connection, database: Database, a_schedule: ASchedule
) -> None:
    july = datetime(2035, 7, 1, 10, tzinfo=UTC)
    for zone in ("CET", "EET", "MET", "WET"):
        one = await a_schedule(scheduled_time=july, timezone=zone, next_occurrence_at=july, next_run_at=july)
        said = await told_by_sql(db, one, july)
        assert said == await told_by_the_domain(database, one, july)
        assert f"2035-07-01 1{1 if zone == 'WET' else 3 if zone == 'EET' else 2}:00:00 {zone}" in said[1]


async def test_a_zone_that_postgresql_does_not_know_is_told_in_utc(db: Connection, a_schedule: ASchedule) -> None:
    """Rowcall's own data may be newer: there the zone is known, and the schedule was planned."""
    noon = datetime(2035, 7, 1, 12, tzinfo=UTC)
    moments = {"created_at": noon - 3 * HOUR, "next_occurrence_at": noon, "next_run_at": noon}
    one = await a_schedule(interval_seconds=3600, timezone="Mars/Olympus", **moments)
    await db.execute("UPDATE rowcall.schedules SET last_occurrence_at = $1", noon - HOUR)
    assert "2035-07-01 12:00:00 UTC" in (await told_by_sql(db, one, None))[1]
    code, sentence = await told_by_sql(db, one, noon + MINUTE)
    assert (code, "2035-07-01 13:00:00 UTC" in sentence) == ("not_an_occurrence", True)
