"""The half of a random walk through the store that people walk: they make schedules, change them, and ask for runs.

After each step all that the ledger promises is held against what is there, and the step against what it was to do.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, precondition, rule

from rowcall.domain.definitions import define, merged
from rowcall.domain.errors import Conflict
from rowcall.store.executions import cancel_execution, execute_schedule
from rowcall.store.schedules import (
    change_schedule,
    create_schedule,
    definition_of,
    delete_schedule,
    lock_schedule,
    pause_schedule,
    resume_schedule,
)
from tests.store.drawing import fixed, moments, policies, timings
from tests.store.model import Columns, Snapshot, Store, assert_step_is_lawful
from tests.store.stories import NOON

which = st.integers(min_value=0, max_value=30)


def has_few(walk: PeoplesWalk) -> bool:
    """A few schedules to which much happens find more than many to which little does."""
    return len([row for row in walk.seen.schedules.values() if row["status"] != "DISABLED"]) < 3


class PeoplesWalk(RuleBasedStateMachine):
    """Some schedules, people who change them, and a clock."""

    schedules: Bundle[int] = Bundle("schedules")

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.now = NOON
        store.empty()
        self.seen = store.snapshot()
        self.asked_for: set[int] = set()
        self.unreleased: set[int] = set()

    def observe(self) -> tuple[Snapshot, Snapshot, set[int]]:
        """How it was, how it is, and the executions that differ; what must hold of any step does."""
        before, after = self.seen, self.store.snapshot()
        assert_step_is_lawful(before, after, self.asked_for)
        free = {id_ for id_ in after.schedules if after.waiting(id_) and after.has_room(id_)}
        assert free <= self.unreleased, "one waits, and nothing is in front of it"
        self.unreleased = free
        self.seen = after
        return before, after, after.changed_since(before)

    def unchanged(self) -> None:
        before, after, _ = self.observe()
        assert after == before

    def assert_only_released(self, before: Snapshot, after: Snapshot, changed: set[int]) -> None:
        """These waited, and don't any more."""
        for execution_id in changed:
            was, is_ = before.ledger[execution_id], after.ledger[execution_id]
            assert was["available_at"] is None
            assert is_ == was | {"available_at": self.released_at(was)}

    def released_at(self, was: Columns) -> datetime:
        """From when what waited may start: what is made up for one by one stays as late as it is."""
        schedule = self.seen.schedules[was["schedule_id"]]
        if was["trigger"] != "schedule" or schedule["coalesce"] != "all":
            return self.now
        due: datetime = was["scheduled_for"] + timedelta(seconds=schedule["jitter_seconds"])
        return min(due, self.now)

    # ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(seconds=st.sampled_from([0.5, 1, 10, 30, 61, 300, 3600]))
    def let_time_pass(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.store.set_clock(self.now)

    @rule()
    def go_on_to_what_is_next(self) -> None:
        rows = (*self.seen.schedules.values(), *self.seen.opened.values())
        due = [moment for row in rows if (moment := row.get("next_run_at") or row.get("available_at"))]
        if due and min(due) > self.now:
            self.now = min(due)
            self.store.set_clock(self.now)

    # ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(has_few)
    @rule(target=schedules, timing=timings, policy=policies, rest=fixed, since=moments)
    def create_by_sql(self, timing: Columns, policy: Columns, rest: Columns, since: timedelta) -> int:
        window = {"starts_at": self.now + since} if since else {}
        schedule_id = self.insert(timing | policy | rest | window)
        assert self.seen.schedules[schedule_id]["next_run_at"] is None
        return schedule_id

    @precondition(has_few)
    @rule(target=schedules, at=moments, policy=policies, rest=fixed)
    def create_one_time(self, at: timedelta, policy: Columns, rest: Columns) -> int:
        return self.insert({"scheduled_time": self.now + at} | policy | rest)

    def insert(self, columns: Columns) -> int:
        families = {"interval_seconds": "interval", "cron_fields": "cron", "scheduled_time": "one_time"}
        given: Columns = {"schedule_type": next(families[name] for name in columns if name in families)} | columns
        values = [json.dumps(value) if isinstance(value, dict) else value for value in given.values()]
        columns_named = ", ".join(f'"{name}"' for name in given)
        places = ", ".join(f"${place}" for place in range(1, len(given) + 1))
        schedule_id: int = self.store.run(
            self.store.db.fetchval(
                f"INSERT INTO rowcall.schedules ({columns_named}) VALUES ({places}) RETURNING schedule_id", *values
            )
        )
        assert self.observe()[2] == set()
        return schedule_id

    @precondition(has_few)
    @rule(target=schedules, timing=timings, policy=policies, rest=fixed, lasts=st.sampled_from([None, 600, 3600]))
    def create_by_api(self, timing: Columns, policy: Columns, rest: Columns, lasts: int | None) -> int:
        window = {"ends_at": (self.now + timedelta(seconds=lasts)).isoformat()} if lasts else {}
        given = timing | policy | rest | ({} if "cron_fields" not in timing else window)

        async def create() -> int:
            async with self.store.database.transaction() as transaction:
                made = await create_schedule(transaction, define(given, now=self.now))
            return int(made["schedule_id"])

        schedule_id = self.store.run(create())
        _, after, changed = self.observe()
        assert changed == set()
        schedule = after.schedules[schedule_id]
        assert schedule["status"] == "COMPLETED" or schedule["next_occurrence_at"] > self.now
        return schedule_id

    @rule(schedule_id=schedules, door=st.sampled_from(["api", "sql"]))
    def pause(self, schedule_id: int, door: str) -> None:
        if door == "sql" and self.seen.schedules[schedule_id]["status"] == "ACTIVE":
            self.set_by_sql(schedule_id, {"status": "PAUSED"})
        else:
            self.change(schedule_id, "pause", refused_of=("COMPLETED", "DISABLED"))
        before, after, changed = self.observe()
        assert changed == set()
        was, status = before.schedules[schedule_id]["status"], after.schedules[schedule_id]["status"]
        assert status == ("PAUSED" if was == "ACTIVE" else was)

    @rule(schedule_id=schedules)
    def resume(self, schedule_id: int) -> None:
        self.change(schedule_id, "resume", refused_of=("COMPLETED", "DISABLED"))
        before, after, changed = self.observe()
        assert all(after.ledger[id_]["status"] == "SKIPPED" and id_ not in before.ledger for id_ in changed)
        assert all(after.ledger[id_]["schedule_id"] == schedule_id for id_ in changed)
        if before.schedules[schedule_id]["status"] == "PAUSED" and changed:
            assert (after.schedules[schedule_id]["next_occurrence_at"] or self.now) >= self.now

    @rule(schedule_id=schedules, door=st.sampled_from(["api", "sql"]), changes=st.one_of(timings, policies))
    def update(self, schedule_id: int, door: str, changes: Columns) -> None:
        if door == "api":
            self.change(schedule_id, "change", refused_of=("DISABLED",), changes={"ends_at": None} | changes)
        elif "overlap_policy" in changes or self.is_of_the_kind(schedule_id, changes):
            self.set_by_sql(schedule_id, ({"max_instances": 1} if "overlap_policy" in changes else {}) | changes)
        self.unreleased.add(schedule_id)
        before, after, changed = self.observe()
        assert all(after.ledger[id_]["status"] == "SKIPPED" and id_ not in before.ledger for id_ in changed)
        assert all(after.ledger[id_]["schedule_id"] == schedule_id for id_ in changed)

    def is_of_the_kind(self, schedule_id: int, changes: Columns) -> bool:
        return all(self.seen.schedules[schedule_id][name] is not None for name in changes)

    def set_by_sql(self, schedule_id: int, changes: Columns) -> None:
        assigned = ", ".join(f'"{name}" = ${n + 2}' for n, name in enumerate(changes))
        values = [json.dumps(value) if isinstance(value, dict) else value for value in changes.values()]
        self.store.run(
            self.store.db.execute(
                f"UPDATE rowcall.schedules SET {assigned} WHERE schedule_id = $1", schedule_id, *values
            )
        )

    @rule(schedule_id=consumes(schedules))
    def delete(self, schedule_id: int) -> None:
        before_any = self.seen
        self.change(schedule_id, "delete", refused_of=())
        _, after, changed = self.observe()
        queued = {row["execution_id"] for row in before_any.of(schedule_id) if row["status"] == "QUEUED"}
        assert changed == queued
        assert all(after.ledger[id_]["status"] == "CANCELLED" for id_ in queued)
        assert after.schedules[schedule_id]["status"] == "DISABLED"

    def change(self, schedule_id: int, verb: str, refused_of: tuple[str, ...], changes: Any = None) -> None:
        async def do() -> None:
            async with self.store.database.transaction() as transaction:
                schedule = await lock_schedule(transaction, schedule_id)
                if verb == "pause":
                    await pause_schedule(transaction, schedule, None, "somebody")
                elif verb == "resume":
                    await resume_schedule(transaction, schedule)
                elif verb == "delete":
                    await delete_schedule(transaction, schedule)
                else:
                    previous = definition_of(schedule)
                    changed = define(merged(previous, changes), now=self.now, previous=previous)
                    await change_schedule(transaction, schedule, changed)

        if self.seen.schedules[schedule_id]["status"] in refused_of:
            with pytest.raises(Conflict):
                self.store.run(do())
        else:
            self.store.run(do())

    @rule(schedule_id=schedules, wait=st.booleans())
    def execute(self, schedule_id: int, wait: bool) -> None:
        async def ask() -> int:
            async with self.store.database.transaction() as transaction:
                schedule = await lock_schedule(transaction, schedule_id)
                return int((await execute_schedule(transaction, schedule, wait=wait))["execution_id"])

        execution_id = self.store.run(ask())
        if not wait:
            self.asked_for.add(execution_id)
        before, after, changed = self.observe()
        assert changed == {execution_id}
        row, schedule = after.ledger[execution_id], after.schedules[schedule_id]
        assert (row["status"], row["trigger"], row["scheduled_for"]) == ("QUEUED", "manual", self.now)
        assert schedule["next_run_at"] == before.schedules[schedule_id]["next_run_at"]
        in_the_way = wait and (before.waiting(schedule_id) > 0 or not before.has_room(schedule_id))
        assert (row["available_at"] is None) == in_the_way

    @precondition(lambda self: self.seen.ledger)
    @rule(which=which)
    def cancel(self, which: int) -> None:
        candidates = sorted(self.seen.opened or self.seen.ledger)
        execution_id = candidates[-1 - which % len(candidates)]
        doing = cancel_execution(self.store.database, execution_id, "somebody")
        if not self.seen.opened:
            with pytest.raises(Conflict):
                self.store.run(doing)
            self.unchanged()
            return
        self.store.run(doing)
        before, after, changed = self.observe()
        row = after.ledger[execution_id]
        if before.ledger[execution_id]["status"] == "RUNNING":
            assert (row["status"], row["cancel_requested_at"] is not None) == ("RUNNING", True)
        else:
            assert row["status"] == "CANCELLED"
        self.assert_only_released(before, after, changed - {execution_id})
