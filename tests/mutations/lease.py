"""How long a run is a worker's: heartbeats, trust, drains, and recovery from the dead."""

from __future__ import annotations

from .mutation import Edit, Mutation

LEASES = "tests/store/test_leases.py"
RECOVERING = "tests/store/test_recovering.py"
SIGNALS = "tests/worker/test_signals.py"
FAULTS = "tests/worker/test_database_faults.py"
TRUST = "tests/worker/test_trust.py"

LEASE = (
    Mutation(
        "the beats stop when the drain begins",
        (
            Edit(
                "worker/session.py",
                '        await self._say("DRAINING")\n',
                '        await self._heartbeat.__aexit__(None, None, None)\n        await self._say("DRAINING")\n',
            ),
        ),
        (f"{SIGNALS}::test_a_stopping_worker_finishes_what_runs_and_keeps_its_lease_however_long_it_takes",),
    ),
    Mutation(
        "the beat does not read back what runs in its worker's name",
        (Edit("worker/session.py", "on_beat=self._loop.reconcile_soon", "on_beat=lambda _: None"),),
        (f"{FAULTS}::test_a_claim_whose_commit_was_answered_to_nobody_is_given_back_and_runs_once",),
    ),
    Mutation(
        "a worker trusts its lease for ever",
        (Edit("worker/heartbeat.py", "call_at(until,", "call_at(until + 86400,"),),
        (f"{FAULTS}::test_a_silent_database_does_not_keep_work_running_past_its_lease[asleep]",),
    ),
    Mutation(
        "a lease is trusted from the answer on, not from the request",
        (
            Edit(
                "worker/heartbeat.py",
                "self._trust(until)\n            self._hand_on",
                "self._trust(loop.time() + pace.trusted_seconds)\n            self._hand_on",
            ),
        ),
        (f"{TRUST}::test_a_lease_is_trusted_from_before_the_request_that_renewed_it",),
    ),
    Mutation(
        "the trust in a long lease outlasts the request for a shorter one",
        (Edit("worker/heartbeat.py", "            self._trust_at_most(until)\n", ""),),
        (f"{TRUST}::test_the_trust_in_a_long_lease_ends_with_the_request_for_a_shorter_one",),
    ),
    Mutation(
        "a worker that has begun to work keeps its slow pace",
        (Edit("worker/session.py", "self._loop.on_work = self._heartbeat.quicken", "pass"),),
        ("tests/worker/test_idle.py::test_an_idle_worker_is_back_at_its_quick_pace_with_its_first_claim",),
    ),
    Mutation(
        "a lease is trusted to its last moment",
        (Edit("worker/heartbeat.py", "MARGIN = 0.25", "MARGIN = 0.0"),),
        (f"{TRUST}::test_a_worker_gives_up_before_its_lease_runs_out",),
    ),
    Mutation(
        "a beat revives a lease that ran out",
        (
            Edit(
                "rowcall/store/sql/beat.sql",
                "\n   AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()",
                "",
            ),
        ),
        (f"{LEASES}::test_a_beat_after_the_lease_ran_out_is_refused_even_before_anyone_noticed",),
    ),
    Mutation(
        "a beat revives a worker that was given up",
        (
            Edit(
                "rowcall/store/sql/beat.sql", "WHERE w.worker_id = $1 AND w.ended_at IS NULL", "WHERE w.worker_id = $1"
            ),
        ),
        ("tests/worker/test_heartbeat.py::test_a_worker_that_was_given_up_learns_it_once_and_beats_no_more",),
    ),
    Mutation(
        "recovery gives up workers whose lease lasts",
        (
            Edit(
                "rowcall/store/sql/bury_workers.sql",
                "d.last_beat_at + make_interval(secs => d.lease_seconds) <= coalesce(",
                "d.last_beat_at <= coalesce(",
            ),
        ),
        (f"{RECOVERING}::test_the_living_keep_what_they_run",),
    ),
    Mutation(
        "recovery takes what the living run",
        (Edit("rowcall/store/sql/take_orphans.sql", " AND w.ended_at IS NOT NULL", ""),),
        (f"{RECOVERING}::test_the_living_keep_what_they_run",),
    ),
    Mutation(
        "recovery does not count the attempt of the dead",
        (Edit("rowcall/store/leases.py", "rows, given_back=0,", "rows, given_back=1,"),),
        (f"{RECOVERING}::test_a_run_of_a_dead_worker_goes_back_to_the_queue",),
    ),
)
