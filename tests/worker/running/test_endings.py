"""The table from what a task did and what it was asked to what the ledger says."""

from __future__ import annotations

import itertools

import pytest

from rowcall.domain.executions import ExecutionStatus, Outcome
from rowcall.worker.running.endings import End, EndKind, Stop, StopKind, judge

RETURNED = End(EndKind.RETURNED, '{"a":1}')
RAISED = End(EndKind.RAISED, "ValueError: bad")
STOPPED = End(EndKind.STOPPED, "CancelledError")
DIED = End(EndKind.DIED, "the process ended with signal 9")
RUNS_ON = End(EndKind.RUNS_ON, "it runs on")
NEVER_STARTED = End(EndKind.NEVER_STARTED, "it never started")

CANCELLED = Stop(StopKind.CANCELLED, "somebody asked")
TIMED_OUT = Stop(StopKind.TIMED_OUT, "timed out after 5 s")
GIVEN_BACK = Stop(StopKind.GIVEN_BACK, "the worker stops")


@pytest.mark.parametrize(
    ("end", "stop", "seen", "forced", "outcome"),
    [
        # nobody asked it to stop
        (RETURNED, None, False, None, Outcome.succeeded('{"a":1}')),
        (RAISED, None, False, None, Outcome.failed("ValueError: bad")),
        (DIED, None, False, None, Outcome.failed("the process ended with signal 9")),
        # a time limit is a limit, even for what was about to end
        (RETURNED, TIMED_OUT, False, None, Outcome.timed_out("timed out after 5 s: the task did return, but too late")),
        (RETURNED, TIMED_OUT, True, None, Outcome.timed_out("timed out after 5 s: the task stopped by itself")),
        (STOPPED, TIMED_OUT, False, "it was cut", Outcome.timed_out("timed out after 5 s: it was cut")),
        (DIED, TIMED_OUT, False, "it was killed", Outcome.timed_out("timed out after 5 s: it was killed")),
        (RUNS_ON, TIMED_OUT, False, None, Outcome.timed_out("timed out after 5 s: it runs on")),
        (NEVER_STARTED, TIMED_OUT, False, None, Outcome.timed_out("timed out after 5 s: it never started")),
        # a cancellation that the task did not notice came too late
        (RETURNED, CANCELLED, False, None, Outcome.succeeded('{"a":1}')),
        (RETURNED, CANCELLED, True, None, Outcome.cancelled("cancelled (somebody asked): the task stopped by itself")),
        (RETURNED, CANCELLED, False, "it was cut", Outcome.cancelled("cancelled (somebody asked): it was cut")),
        (STOPPED, CANCELLED, True, None, Outcome.cancelled("cancelled (somebody asked): the task stopped by itself")),
        (DIED, CANCELLED, False, "it was killed", Outcome.cancelled("cancelled (somebody asked): it was killed")),
        (NEVER_STARTED, CANCELLED, False, None, Outcome.cancelled("cancelled (somebody asked): it never started")),
        (
            RAISED,
            CANCELLED,
            True,
            None,
            Outcome.cancelled("cancelled (somebody asked): asked to stop, it raised an error\n\nValueError: bad"),
        ),
        # what has ended by itself is not given back, or it would run twice
        (RETURNED, GIVEN_BACK, False, None, Outcome.succeeded('{"a":1}')),
        (RAISED, GIVEN_BACK, False, None, Outcome.failed("ValueError: bad")),
        (RETURNED, GIVEN_BACK, True, None, Outcome.given_back()),
        (STOPPED, GIVEN_BACK, False, "it was cut", Outcome.given_back()),
        (DIED, GIVEN_BACK, False, "it was killed", Outcome.given_back()),
        (RUNS_ON, GIVEN_BACK, False, None, Outcome.given_back()),
        (NEVER_STARTED, GIVEN_BACK, False, None, Outcome.given_back()),
    ],
)
def test_an_end_and_a_request_make_an_outcome(
    end: End, stop: Stop | None, seen: bool, forced: str | None, outcome: Outcome
) -> None:
    assert judge(end, stop, seen=seen, forced=forced) == outcome


def test_a_task_that_cancels_itself_unasked_has_failed() -> None:
    outcome = judge(STOPPED, None, seen=False, forced=None)
    assert outcome.status is ExecutionStatus.FAILED
    assert "nobody had asked" in (outcome.error or "")


def test_there_is_an_outcome_for_every_combination_and_its_error_is_never_empty() -> None:
    ends = [RETURNED, RAISED, STOPPED, DIED, RUNS_ON, NEVER_STARTED]
    stops = [CANCELLED, TIMED_OUT, GIVEN_BACK]
    for end, stop, seen, forced in itertools.product(ends, stops, [True, False], [None, "cut"]):
        outcome = judge(end, stop, seen=seen, forced=forced)
        assert outcome.error or outcome.status in (None, ExecutionStatus.SUCCEEDED)
        assert "None" not in (outcome.error or "")
