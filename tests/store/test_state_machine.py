"""Whatever is done to schedules and executions, in whatever order: what the ledger promises holds after each step.

ROWCALL_TEST_FULL_SIZE=1 walks longer, and elsewhere each time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, precondition, rule, run_state_machine_as_test

from rowcall.domain.definitions import define, merged
from rowcall.domain.errors import Conflict
from rowcall.domain.executions import Outcome
from rowcall.store.auditing import audit
from rowcall.store.claiming import Look, look
from rowcall.store.claims import Claim
from rowcall.store.executions import cancel_execution, execute_schedule
from rowcall.store.finishing import Recorded, Result, fold_outcomes, record_results
from rowcall.store.leases import WorkerCard, beat, read_back, recover, register_worker
from rowcall.store.recording import answer_unroutable
from rowcall.store.releasing import release_forgotten
from rowcall.store.schedules import (
    change_schedule,
    create_schedule,
    definition_of,
    delete_schedule,
    lock_schedule,
    pause_schedule,
    resume_schedule,
)  # fmt: skip
from tests.store.model import (
    NEVER_RAN,
    Columns,
    Snapshot,
    Store,
    assert_outcomes_are_counted,
    assert_step_is_lawful,
    standing_store,
)  # fmt: skip
from tests.store.stories import NOON

FULL_SIZE = os.environ.get("ROWCALL_TEST_FULL_SIZE") == "1"
WALKS = settings(
    max_examples=400 if FULL_SIZE else 50,
    stateful_step_count=60 if FULL_SIZE else 30,
    derandomize=not FULL_SIZE,
    phases=[Phase.generate, *([Phase.shrink] if FULL_SIZE else [])],  # to shrink a walk takes minutes
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
ROUTES = ("work",)
NOBODYS = "unheard-of"
LEASE_SECONDS = 60.0

moments = st.sampled_from([-3600, -20, 0, 20, 90, 3600]).map(lambda seconds: timedelta(seconds=seconds))
timings = st.one_of(
    st.sampled_from([1, 10, 60, 3600]).map(lambda seconds: {"interval_seconds": seconds}),
    st.sampled_from([{"second": "*/10"}, {"minute": "*/5", "second": "30"}]).map(lambda cron: {"cron_fields": cron}),
)
policies = st.fixed_dictionaries(
    {"overlap_policy": st.sampled_from(["skip", "queue", "allow", "cancel_running"])},
    optional={
        "max_instances": st.sampled_from([2, 3]),
        "coalesce": st.just("all"),
        "catch_up_limit": st.sampled_from([1, 3]),
        "grace_period_seconds": st.sampled_from([1, 30, 7200]),
        "max_executions": st.sampled_from([1, 2, 5]),
        "jitter_seconds": st.just(5),
        "priority": st.just(9),
    },
).map(lambda drawn: drawn | ({"max_instances": 2} if drawn["overlap_policy"] == "allow" else {}))
fixed = st.fixed_dictionaries(
    {"max_retries": st.sampled_from([0, 1, 2]), "task_type": st.sampled_from([*ROUTES * 5, NOBODYS])},
    optional={"retry_backoff_seconds": st.just(0)},
)
outcomes = st.sampled_from(
    [
        Outcome.succeeded("1"), Outcome.succeeded(), Outcome.failed("no"), Outcome.failed("no"),
        Outcome.refused("never"), Outcome.timed_out("slow"), Outcome.cancelled("told to"), Outcome.given_back(),
    ]
)  # fmt: skip
which = st.integers(min_value=0, max_value=30)
names = st.sampled_from("AB")


def has_few(walk: Walk) -> bool:
    """A few schedules to which much happens find more than many to which little does."""
    return sum(row["status"] != "DISABLED" for row in walk.seen.schedules.values()) < 3


class Walk(RuleBasedStateMachine):
    """Two workers, some schedules, people who change them, and a clock."""

    schedules: Bundle[int] = Bundle("schedules")

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.now = NOON
        store.empty()
        self.seen = store.snapshot()
        self.asked_for: set[int] = set()
        self.unreleased: set[int] = set()
        self.claims: list[tuple[int, Claim]] = []
        self.held: dict[int, dict[int, int]] = {}
        self.workers = {name: self.start_worker(name) for name in "AB"}

    def start_worker(self, name: str) -> int:
        card = WorkerCard(name, "here", 1, "0", ["tests"], ROUTES, 10, LEASE_SECONDS)
        worker_id = self.store.run(register_worker(self.store.database, card, []))
        self.held[worker_id] = {}
        return worker_id

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

    @rule(name=names)
    def go_on_and_claim(self, name: str) -> None:
        self.go_on_to_what_is_next()
        self.look(self.workers[name], 20)

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
        given = {"schedule_type": next(families[name] for name in columns if name in families)} | columns
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
            self.set_by_sql(schedule_id, {"max_instances": 1} | changes)
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

    # ── workers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(name=names, limit=st.sampled_from([1, 3, 20, 20]), is_heard=st.sampled_from([True, True, True, False]))
    def claim(self, name: str, limit: int, is_heard: bool) -> None:
        self.look(self.workers[name], limit, is_heard)

    def look(self, worker_id: int, limit: int, is_heard: bool = True) -> Look:
        found = self.store.run(look(self.store.database, worker_id, ROUTES, limit))
        if is_heard:
            self.claims += [(worker_id, claim) for claim in found.claims]
            self.held[worker_id] |= {claim.execution_id: claim.fence for claim in found.claims}
        before, after, changed = self.observe()
        assert len(found.claims) <= limit
        claimed = {claim.execution_id: claim for claim in found.claims}
        assert claimed.keys() == {id_ for id_ in changed if self.was_started(before, after, id_)}
        for execution_id, claim in claimed.items():
            row = after.ledger[execution_id]
            assert (row["worker_id"], row["fence"], row["attempt"]) == (worker_id, claim.fence, claim.attempt)
            assert row["scheduled_for"] <= self.now
            assert row["task_type"] in ROUTES
            if execution_id in before.ledger:
                assert before.ledger[execution_id]["available_at"] <= self.now
            else:
                assert before.schedules[row["schedule_id"]]["status"] == "ACTIVE"
        self.assert_look_left_only(before, after, changed - claimed.keys())
        if len(claimed) + len(found.recorded) < limit:
            assert not [row for row in self.due(after) if row["schedule_id"] in before.schedules]
        return found

    def was_started(self, before: Snapshot, after: Snapshot, execution_id: int) -> bool:
        known = before.ledger.get(execution_id)
        return after.ledger[execution_id]["fence"] > (0 if known is None else known["fence"])

    def due(self, now: Snapshot) -> list[Columns]:
        return [
            row for row in now.schedules.values()
            if row["status"] == "ACTIVE" and row["task_type"] in ROUTES
            and (row["next_run_at"] is None or row["next_run_at"] <= self.now)
        ]  # fmt: skip

    def assert_look_left_only(self, before: Snapshot, after: Snapshot, changed: set[int]) -> None:
        """What a look changes besides its claims: new answers, and under cancel_running what is in the way."""
        in_the_way: set[int] = set()
        for execution_id in changed & before.ledger.keys():
            row = after.ledger[execution_id]
            if row["status"] == "CANCELLED" or row["cancel_requested_at"]:
                assert after.schedules[row["schedule_id"]]["overlap_policy"] == "cancel_running"
                in_the_way.add(execution_id)
        new = changed - before.ledger.keys()
        assert all(after.ledger[id_]["status"] in (*NEVER_RAN, "QUEUED") for id_ in new)
        assert all(after.ledger[id_]["trigger"] == "schedule" for id_ in new)
        self.assert_only_released(before, after, changed - new - in_the_way)

    def assert_only_released(self, before: Snapshot, after: Snapshot, changed: set[int]) -> None:
        """These waited, and don't any more."""
        for execution_id in changed:
            was, is_ = before.ledger[execution_id], after.ledger[execution_id]
            assert was["available_at"] is None
            assert is_ == was | {"available_at": self.now}

    @precondition(lambda self: self.claims)
    @rule(which=which, outcome=outcomes)
    def finish(self, which: int, outcome: Outcome) -> None:
        """The end of any claim there ever was: of late ones, and of those that ended, too."""
        worker_id, claim = self.claims[-1 - which % len(self.claims)]
        recorded = self.record(worker_id, Result(claim, outcome, 0.25))
        if not self.seen.is_run_by(claim.execution_id, worker_id, claim.fence):
            assert (len(recorded.refused), recorded.finished, recorded.requeued) == (1, [], [])
            self.unchanged()
            return
        assert recorded.refused == []
        before, after, changed = self.observe()
        was, is_ = before.ledger[claim.execution_id], after.ledger[claim.execution_id]
        assert (is_["status"], is_["attempt"]) == self.expected(was, claim, outcome)
        assert is_["worker_id"] == (None if is_["status"] == "QUEUED" else worker_id)
        self.assert_only_released(before, after, changed - {claim.execution_id})

    def record(self, worker_id: int, result: Result) -> Recorded:
        if self.held[worker_id].get(result.claim.execution_id) == result.claim.fence:
            del self.held[worker_id][result.claim.execution_id]
        return self.store.run(record_results(self.store.database, worker_id, [result], Random(1)))

    def expected(self, was: Columns, claim: Claim, outcome: Outcome) -> tuple[str, int]:
        """What becomes of an attempt that ended so, and the attempts it then counts."""
        given_back = outcome.status is None
        fails = outcome.status in ("FAILED", "TIMED_OUT") and not outcome.final
        if given_back or (fails and claim.attempt <= claim.max_retries):
            if was["cancel_requested_at"] is not None:
                return "CANCELLED", claim.attempt
            return "QUEUED", claim.attempt - given_back
        return str(outcome.status), claim.attempt

    @rule(name=names)
    def beat(self, name: str) -> None:
        worker_id = self.workers[name]
        if not self.store.run(beat(self.store.database, worker_id)):
            self.workers[name] = self.start_worker(name)
            self.unchanged()
            return
        held = self.held[worker_id]
        present = {id_ for id_, fence in held.items() if self.seen.is_run_by(id_, worker_id, fence)}
        unheld = {id_ for id_, row in self.seen.opened.items() if row["worker_id"] == worker_id} - present
        found = self.store.run(read_back(self.store.database, worker_id, held))
        assert (found.present, found.given_back) == (present, len(unheld))
        before, after, changed = self.observe()
        assert unheld <= changed
        for execution_id in unheld:
            was, is_ = before.ledger[execution_id], after.ledger[execution_id]
            is_cancelled = was["cancel_requested_at"] is not None
            assert is_["status"] == ("CANCELLED" if is_cancelled else "QUEUED")
            assert is_["attempt"] == was["attempt"] - (not is_cancelled)
        self.assert_only_released(before, after, changed - unheld)

    @rule(silent=st.sampled_from(["", "A", "B", "AB"]))
    def recover(self, silent: str) -> None:
        for name in silent:
            self.store.run(
                self.store.db.execute(
                    "UPDATE rowcall.workers SET last_beat_at = standing.now() - make_interval(secs => 60)"
                    " WHERE worker_id = $1", self.workers[name],
                )
            )  # fmt: skip
        recovery = self.store.run(recover(self.store.database))
        before, after, changed = self.observe()
        gone = self.store.run(self.store.db.fetch("SELECT worker_id FROM rowcall.workers WHERE ended_at IS NOT NULL"))
        dead = {row["worker_id"] for row in gone}
        orphans = {id_ for id_, row in before.opened.items() if row["worker_id"] in dead}
        assert orphans <= changed
        assert recovery.requeued + recovery.lost + recovery.cancelled == len(orphans)
        for execution_id in orphans:
            was, is_ = before.ledger[execution_id], after.ledger[execution_id]
            assert (is_["status"], is_["attempt"]) == (self.fate(was, after), was["attempt"])
        self.assert_only_released(before, after, changed - orphans)

    def fate(self, was: Columns, now: Snapshot) -> str:
        if was["cancel_requested_at"] is not None:
            return "CANCELLED"
        return "QUEUED" if was["attempt"] <= now.schedules[was["schedule_id"]]["max_retries"] else "LOST"

    @rule()
    def sweep(self) -> None:
        self.store.run(answer_unroutable(self.store.database, ROUTES))
        self.store.run(release_forgotten(self.store.database))
        self.unreleased = set()
        before, after, changed = self.observe()
        new = changed - before.ledger.keys()
        assert all(after.ledger[id_]["status"] == "MISSED" for id_ in new)
        self.assert_only_released(before, after, changed - new)

    @rule()
    def fold(self) -> None:
        self.store.run(fold_outcomes(self.store.database))
        assert self.observe()[2] == set()
        assert_outcomes_are_counted(self.seen)

    def teardown(self) -> None:
        """See to all that is due; then everything adds up."""
        self.recover("")
        last = self.start_worker("last")
        self.sweep()
        for _ in range(10):
            found = self.look(last, 50)
            if not (found.found_due or found.planned):
                break
        self.sweep()  # what nobody offers was planned only now
        self.fold()
        report = self.store.run(audit(self.store.database))
        assert report.findings == []
        assert report.rows == len(self.seen.ledger)


@pytest.fixture(scope="module")
def store(module_dsn: str) -> Iterator[Store]:
    with standing_store(module_dsn) as store:
        yield store


def test_every_promise_of_the_ledger_holds_after_every_step(store: Store) -> None:
    run_state_machine_as_test(lambda: Walk(store), settings=WALKS)
