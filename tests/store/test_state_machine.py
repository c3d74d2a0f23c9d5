"""Whatever is done to schedules and executions, in whatever order: what the ledger promises holds after each step.

ROWCALL_TEST_FULL_SIZE=1 walks longer, and elsewhere each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from rowcall.domain.catching_up import LateLane
from rowcall.domain.executions import Outcome
from rowcall.store.auditing import audit
from rowcall.store.claiming import Look, look
from rowcall.store.claims import Claim
from rowcall.store.counting import fold_outcomes
from rowcall.store.deleted import cancel_forgotten
from rowcall.store.finishing import Recorded, Result, record_results
from rowcall.store.leases import WorkerCard, beat, read_back, recover, register_worker
from rowcall.store.releasing import release_forgotten
from rowcall.store.unroutable import answer_unroutable
from tests.store.drawing import ROUTES, outcomes
from tests.store.model import NEVER_RAN, Columns, Snapshot, Store, assert_outcomes_are_counted, standing_store
from tests.store.walking import PeoplesWalk, which

FULL_SIZE = os.environ.get("ROWCALL_TEST_FULL_SIZE") == "1"
WALKS = settings(
    max_examples=400 if FULL_SIZE else 50,
    stateful_step_count=60 if FULL_SIZE else 30,
    derandomize=not FULL_SIZE,
    phases=[Phase.generate, *([Phase.shrink] if FULL_SIZE else [])],  # to shrink a walk takes minutes
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
LEASE_SECONDS = 60.0
names = st.sampled_from("AB")
LANES = [LateLane(10, 0), LateLane(10, 2, 1), LateLane(0.1, 20, 20), LateLane(10, 0, 0, 0)]
lanes = st.sampled_from([None, None, None, *LANES])


class Walk(PeoplesWalk):
    """People, and two workers, who sometimes don't hear what they were given, fall silent, or come too late."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.claims: list[tuple[int, Claim]] = []
        self.held: dict[int, dict[int, int]] = {}
        self.since: datetime | None = None
        self.workers = {name: self.start_worker(name) for name in "AB"}

    def start_worker(self, name: str) -> int:
        card = WorkerCard(name, "here", 1, "0", ["tests"], ROUTES, 10, LEASE_SECONDS)
        worker_id = self.store.run(register_worker(self.store.database, card, []))
        self.held[worker_id] = {}
        return worker_id

    @rule(name=names)
    def go_on_and_claim(self, name: str) -> None:
        self.go_on_to_what_is_next()
        self.look(self.workers[name], 20)

    @rule(
        name=names,
        limit=st.sampled_from([1, 3, 20, 20]),
        is_heard=st.sampled_from([True, True, True, False]),
        lane=lanes,
        from_the_beginning=st.booleans(),
    )
    def claim(self, name: str, limit: int, is_heard: bool, lane: LateLane | None, from_the_beginning: bool) -> None:
        self.look(self.workers[name], limit, is_heard, lane, None if from_the_beginning else self.since)

    def look(
        self,
        worker_id: int,
        limit: int,
        is_heard: bool = True,
        lane: LateLane | None = None,
        since: datetime | None = None,
    ) -> Look:
        found = self.store.run(look(self.store.database, worker_id, ROUTES, limit, since=since, late=lane))
        self.since = found.all_answered_before
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
        assert found.late <= claimed.keys()
        if lane is None and since is None and len(claimed) + len(found.recorded) < limit:
            assert not [row for row in self.due(after) if row["schedule_id"] in before.schedules]
        return found

    def was_started(self, before: Snapshot, after: Snapshot, execution_id: int) -> bool:
        known = before.ledger.get(execution_id)
        return bool(after.ledger[execution_id]["fence"] > (0 if known is None else known["fence"]))

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

    @precondition(lambda self: self.claims)
    @rule(which=which, outcome=outcomes, is_late=st.booleans())
    def finish(self, which: int, outcome: Outcome, is_late: bool) -> None:
        """The end of any claim there ever was, of those that ended too; or of one whose execution was claimed again."""
        overtaken = [(id_, claim) for id_, claim in self.claims if self.fence_of(claim) > claim.fence]
        claims = (is_late and overtaken) or self.claims
        worker_id, claim = claims[-1 - which % len(claims)]
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

    def fence_of(self, claim: Claim) -> int:
        fence: int = self.seen.ledger[claim.execution_id]["fence"]
        return fence

    def record(self, worker_id: int, result: Result) -> Recorded:
        if self.held[worker_id].get(result.claim.execution_id) == result.claim.fence:
            del self.held[worker_id][result.claim.execution_id]
        return self.store.run(record_results(self.store.database, worker_id, [result], Random(1)))

    def expected(self, was: Columns, claim: Claim, outcome: Outcome) -> tuple[str, int]:
        """What becomes of an attempt that ended so, and the attempts it then counts."""
        given_back = outcome.status is None
        fails = outcome.status in ("FAILED", "TIMED_OUT") and not outcome.final
        if given_back or (fails and claim.attempt <= claim.max_retries):
            if self.is_deleted(was):
                return "CANCELLED" if given_back else str(outcome.status), claim.attempt
            if was["cancel_requested_at"] is not None:
                return "CANCELLED", claim.attempt
            return "QUEUED", claim.attempt - given_back
        return str(outcome.status), claim.attempt

    def is_deleted(self, row: Columns) -> bool:
        """Whether the schedule of an execution was deleted: nothing of it is queued again."""
        return bool(self.seen.schedules[row["schedule_id"]]["status"] == "DISABLED")

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
        assert (set(found.present), found.given_back) == (present, len(unheld))
        before, after, changed = self.observe()
        assert unheld <= changed
        for execution_id in unheld:
            was, is_ = before.ledger[execution_id], after.ledger[execution_id]
            is_cancelled = was["cancel_requested_at"] is not None or self.is_deleted(was)
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
        assert {self.workers[name] for name in silent} <= dead
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
        may_retry = was["attempt"] <= now.schedules[was["schedule_id"]]["max_retries"] and not self.is_deleted(was)
        return "QUEUED" if may_retry else "LOST"

    @rule()
    def sweep(self) -> None:
        self.store.run(answer_unroutable(self.store.database, ROUTES))
        assert self.store.run(cancel_forgotten(self.store.database)) == []
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
    class WalkHere(Walk):
        def __init__(self) -> None:
            super().__init__(store)

    run_state_machine_as_test(WalkHere, settings=WALKS)
