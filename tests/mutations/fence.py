"""Whose a run is: the fence and the worker that guard every write of a run."""

from __future__ import annotations

from .mutation import Edit, Mutation

MINE = "AND o.worker_id IS NOT DISTINCT FROM $1"
HELD = f"AND o.fence = r.fence {MINE}"
FINISH = "rowcall/store/sql/finish_executions.sql"
REQUEUE = "rowcall/store/sql/requeue_executions.sql"
TOKEN = "rowcall/store/sql/issue_run_token.sql"
FINISH_ONE = "rowcall/store/sql/finish_run.sql"
TAKE_ONE = "rowcall/store/sql/take_run.sql"
FENCING = "tests/store/test_fencing.py"
LEASES = "tests/store/test_leases.py"
TOKENS = "tests/worker/builtin/test_sql_task_tokens.py"
SIGNALS = "tests/worker/test_signals.py"
OLD_FENCE = f"{FENCING}::test_the_same_worker_with_an_old_fence_cant_finish_either"
ANOTHER_WORKER = f"{FENCING}::test_another_worker_with_the_right_fence_cant_finish_either"

FENCE = (
    Mutation(
        "a result is recorded whatever its fence",
        (
            Edit(FINISH, "found.fence = r.fence AND ", ""),
            Edit(FINISH, "\n       AND e.fence = c.fence", ""),
        ),
        (f"{OLD_FENCE}[with a result]",),
    ),
    Mutation(
        "a result is recorded whoever sends it",
        (Edit(FINISH, " AND found.worker_id IS NOT DISTINCT FROM $1", ""),),
        (f"{ANOTHER_WORKER}[with a result]",),
    ),
    Mutation(
        "a lone success is recorded whatever its fence",
        (
            Edit(FINISH_ONE, "o.fence = $4::int AND ", ""),
            Edit(FINISH_ONE, "\n       AND e.fence = $4::int", "\n       AND $4::int > 0"),
        ),
        (f"{OLD_FENCE}[and that is all]",),
    ),
    Mutation(
        "a lone success is recorded whoever sends it",
        (Edit(FINISH_ONE, "o.worker_id IS NOT DISTINCT FROM $1::bigint", "$1::bigint > 0"),),
        (f"{ANOTHER_WORKER}[and that is all]",),
    ),
    Mutation(
        "a retry is queued, and a run given back, whatever its fence",
        (
            Edit(REQUEUE, HELD, MINE),
            Edit(REQUEUE, "\n   AND e.fence = r.fence", ""),
        ),
        (f"{OLD_FENCE}[with a result]",),
    ),
    Mutation(
        "a retry is queued whoever asks for it",
        (Edit(REQUEUE, HELD, "AND o.fence = r.fence"),),
        (f"{FENCING}::test_a_retry_is_not_queued_for_another_worker_with_the_right_fence",),
    ),
    Mutation(
        "the end of a sql run is written whatever its fence",
        (
            Edit(
                "schema.sql",
                "run_execution_id AND o.fence = run_fence AND o.worker_id",
                "run_execution_id AND o.worker_id",
            ),
            Edit("schema.sql", "AND e.fence = run_fence AND e.status = 'RUNNING'", "AND e.status = 'RUNNING'"),
        ),
        (f"{TOKENS}::test_the_token_of_an_attempt_that_was_given_up_ends_nothing",),
    ),
    Mutation(
        "the token of a sql run is good for any fence",
        (
            Edit(
                "schema.sql",
                "t.execution_id = run_execution_id AND t.fence = run_fence AND",
                "t.execution_id = run_execution_id AND",
            ),
        ),
        (f"{TOKENS}::test_a_token_ends_nothing_but_the_attempt_it_was_issued_for",),
    ),
    Mutation(
        "a token is issued whatever the fence",
        (Edit(TOKEN, "o.execution_id = $1 AND o.fence = $2 AND", "o.execution_id = $1 AND $2::int > 0 AND"),),
        (f"{TOKENS}::test_a_later_attempt_voids_the_token_of_the_one_before",),
    ),
    Mutation(
        "what is held is not compared by its fence",
        (
            Edit(
                "rowcall/store/leases.py",
                'held.get(row["execution_id"]) == row["fence"]',
                'row["execution_id"] in held',
            ),
        ),
        (f"{LEASES}::test_what_is_held_with_an_old_fence_is_not_held",),
    ),
    Mutation(
        "the fence does not rise with a claim",
        (
            Edit(TAKE_ONE, "available_at = NULL, fence = o.fence + 1", "available_at = NULL, fence = o.fence"),
            Edit(TAKE_ONE, "attempt = e.attempt + 1, fence = $5::int + 1", "attempt = e.attempt + 1, fence = $5::int"),
        ),
        (f"{OLD_FENCE}[with a result]", f"{OLD_FENCE}[and that is all]"),
    ),
    Mutation(
        "the fence is given back with the attempt",
        (
            Edit(REQUEUE, "SET worker_id = NULL,\n", "SET worker_id = NULL, fence = o.fence - r.given_back,\n"),
            Edit(
                REQUEUE,
                "attempt = e.attempt - r.given_back,\n",
                "attempt = e.attempt - r.given_back, fence = e.fence - r.given_back,\n",
            ),
        ),
        (
            f"{OLD_FENCE}[with a result]",
            f"{SIGNALS}::test_work_that_outlasts_the_drain_is_given_back_and_its_attempt_is_not_burnt",
        ),
    ),
    Mutation(
        "a drain burns the attempt",
        (Edit(REQUEUE, "attempt = e.attempt - r.given_back,\n", "attempt = e.attempt,\n"),),
        (f"{SIGNALS}::test_work_that_outlasts_the_drain_is_given_back_and_its_attempt_is_not_burnt",),
    ),
)
