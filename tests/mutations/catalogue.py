"""What is broken, one promise at a time, and the tests that are named for it."""

from __future__ import annotations

from .mutation import Edit, Mutation

MINE = "AND o.worker_id IS NOT DISTINCT FROM $1"
HELD = f"AND o.fence = r.fence {MINE}"
FINISH = "rowcall/store/sql/finish_executions.sql"
REQUEUE = "rowcall/store/sql/requeue_executions.sql"
TOKEN = "rowcall/store/sql/issue_run_token.sql"
CLAIM_QUEUED = "rowcall/store/sql/claim_queued.sql"
CLAIM_DUE = "rowcall/store/sql/claim_due.sql"

FENCING = "tests/store/test_fencing.py"
LEASES = "tests/store/test_leases.py"
RECOVERING = "tests/store/test_recovering.py"
TOGETHER = "tests/store/test_claiming_together.py"
CUT_OFF = "tests/store/test_cut_off.py"
TOKENS = "tests/worker/builtin/test_sql_task_tokens.py"
SIGNALS = "tests/worker/test_signals.py"
FAULTS = "tests/worker/test_database_faults.py"

OLD_FENCE = f"{FENCING}::test_the_same_worker_with_an_old_fence_cant_finish_either"
ANOTHER_WORKER = f"{FENCING}::test_another_worker_with_the_right_fence_cant_finish_either"
DIFFERENT_ROWS = f"{TOGETHER}::test_two_replicas_with_open_transactions_have_claimed_different_rows"
STEPPED_OVER = f"{TOGETHER}::test_what_somebody_holds_is_stepped_over_and_taken_later"

FENCE = (
    Mutation(
        "a result is recorded whatever its fence",
        (
            Edit(FINISH, HELD, MINE),
            Edit(FINISH, "\n       AND e.fence = c.fence", ""),
        ),
        (OLD_FENCE,),
    ),
    Mutation(
        "a result is recorded whoever sends it",
        (Edit(FINISH, HELD, "AND o.fence = r.fence"),),
        (ANOTHER_WORKER,),
    ),
    Mutation(
        "a retry is queued, and a run given back, whatever its fence",
        (
            Edit(REQUEUE, HELD, MINE),
            Edit(REQUEUE, "\n   AND e.fence = r.fence", ""),
        ),
        (OLD_FENCE,),
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
            Edit(CLAIM_QUEUED, "available_at = NULL, fence = o.fence + 1", "available_at = NULL, fence = o.fence"),
            Edit(
                CLAIM_QUEUED, "attempt = e.attempt + 1, fence = t.fence + 1", "attempt = e.attempt + 1, fence = t.fence"
            ),
        ),
        (OLD_FENCE,),
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
        (OLD_FENCE, f"{SIGNALS}::test_work_that_outlasts_the_drain_is_given_back_and_its_attempt_is_not_burnt"),
    ),
    Mutation(
        "a drain burns the attempt",
        (Edit(REQUEUE, "attempt = e.attempt - r.given_back,\n", "attempt = e.attempt,\n"),),
        (f"{SIGNALS}::test_work_that_outlasts_the_drain_is_given_back_and_its_attempt_is_not_burnt",),
    ),
)

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
        (Edit("worker/session.py", "on_beat=self._loop.reconcile_soon", "on_beat=lambda: None"),),
        (f"{FAULTS}::test_a_claim_whose_commit_was_answered_to_nobody_is_given_back_and_runs_once",),
    ),
    Mutation(
        "a worker trusts its lease for ever",
        (Edit("worker/heartbeat.py", "call_at(since + self._trusted_seconds,", "call_at(since + 86400,"),),
        (f"{FAULTS}::test_a_silent_database_does_not_keep_work_running_past_its_lease[asleep]",),
    ),
    Mutation(
        "a lease is trusted from the answer on, not from the request",
        (Edit("worker/heartbeat.py", "self._trust(asked_at)", "self._trust(loop.time())"),),
        ("tests/worker/test_trust.py::test_a_lease_is_trusted_from_before_the_request_that_renewed_it",),
    ),
    Mutation(
        "a lease is trusted to its last moment",
        (Edit("worker/heartbeat.py", "MARGIN = 0.25", "MARGIN = 0.0"),),
        ("tests/worker/test_trust.py::test_a_worker_gives_up_before_its_lease_runs_out",),
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

CLAIM = (
    Mutation(
        "an occurrence may have two rows",
        (
            Edit(
                "schema.sql",
                "CREATE UNIQUE INDEX IF NOT EXISTS one_row_per_occurrence",
                "CREATE INDEX IF NOT EXISTS one_row_per_occurrence",
            ),
        ),
        ("tests/store/test_schema_partitions.py::test_an_occurrence_is_answered_for_once",),
    ),
    Mutation(
        "next_run_at is advanced before the transaction of the claim",
        (
            Edit(
                "rowcall/store/starting.py",
                "    await ensure_days(session, starts.scheduled_for)\n",
                "    await ensure_days(session, starts.scheduled_for)\n"
                '    await session.fetch("advance_schedules", list(starts.rows), starts.last_occurrence_at,\n'
                "        starts.next_occurrence_at, starts.next_run_at, [0] * len(starts.rows))\n"
                '    await session.connection.execute("COMMIT; BEGIN")\n',
            ),
        ),
        (f"{CUT_OFF}::test_a_claim_that_is_cut_off_leaves_its_occurrence_due[its lease]",),
    ),
    Mutation(
        "next_run_at is advanced after the transaction of the claim",
        (
            Edit(
                "rowcall/store/sql/start_runs.sql",
                "           next_run_at        = p.next_run_at,\n",
                "           next_run_at        = CASE WHEN p.next_run_at IS NULL THEN NULL ELSE s.next_run_at END,\n",
            ),
            Edit(
                "rowcall/store/starting.py",
                "    moments = dict(zip(",
                '    await session.connection.execute("COMMIT; BEGIN")\n'
                '    await session.fetch("advance_schedules", list(starts.rows), starts.last_occurrence_at,\n'
                "        starts.next_occurrence_at, starts.next_run_at, [0] * len(starts.rows))\n"
                "    moments = dict(zip(",
            ),
        ),
        (f"{CUT_OFF}::test_a_claim_that_is_cut_off_leaves_its_occurrence_due[its plan]",),
    ),
    Mutation(
        "due schedules are claimed without a lock",
        (Edit(CLAIM_DUE, "\n          FOR NO KEY UPDATE SKIP LOCKED", ""),),
        (f"{DIFFERENT_ROWS}[due]",),
    ),
    Mutation(
        "a claim waits for schedules that another holds",
        (Edit(CLAIM_DUE, "FOR NO KEY UPDATE SKIP LOCKED", "FOR NO KEY UPDATE"),),
        (STEPPED_OVER,),
    ),
    Mutation(
        "queued executions are claimed without a lock",
        (Edit(CLAIM_QUEUED, "\n              FOR NO KEY UPDATE OF o, s SKIP LOCKED", ""),),
        (f"{DIFFERENT_ROWS}[queued]",),
    ),
    Mutation(
        "a claim waits for executions that another holds",
        (Edit(CLAIM_QUEUED, "FOR NO KEY UPDATE OF o, s SKIP LOCKED", "FOR NO KEY UPDATE OF o, s"),),
        (STEPPED_OVER,),
    ),
    Mutation(
        "what is open of a schedule is not asked",
        (
            Edit(
                "rowcall/store/sql/open_of.sql",
                "o.schedule_id = ANY ($1::bigint[])",
                "o.schedule_id = ANY ($1::bigint[]) AND false",
            ),
        ),
        (f"{TOGETHER}::test_max_instances_is_exact_however_many_claim",),
    ),
    Mutation(
        "a COMMIT that failed is taken for a success",
        (
            Edit(
                "rowcall/store/database.py",
                "as connection, connection.transaction(**options):\n"
                "            if self._preamble is not None:\n"
                "                await connection.execute(self._preamble)\n"
                "            yield connection\n",
                "as connection:\n"
                "            transaction = connection.transaction(**options)\n"
                "            await transaction.start()\n"
                "            try:\n"
                "                yield connection\n"
                "            except BaseException:\n"
                "                await transaction.rollback()\n"
                "                raise\n"
                "            try:\n"
                "                await transaction.commit()\n"
                "            except Exception:\n"
                "                pass\n",
            ),
        ),
        (
            f"{CUT_OFF}::test_a_claim_that_is_cut_off_leaves_its_occurrence_due[its lease]",
            f"{CUT_OFF}::test_a_result_that_is_cut_off_counts_when_it_is_sent_again",
        ),
    ),
)

MUTATIONS = (*FENCE, *LEASE, *CLAIM)
