"""What a claim takes: one transaction, one row per occurrence, nobody else's rows."""

from __future__ import annotations

from .mutation import Edit, Mutation

CLAIM_QUEUED = "rowcall/store/sql/claim_queued.sql"
CLAIM_DUE = "rowcall/store/sql/claim_due.sql"
TOGETHER = "tests/store/test_claiming_together.py"
AHEAD = "tests/store/test_claiming_ahead.py"
CUT_OFF = "tests/store/test_cut_off.py"
DIFFERENT_ROWS = f"{TOGETHER}::test_two_replicas_with_open_transactions_have_claimed_different_rows"
STEPPED_OVER = f"{TOGETHER}::test_what_somebody_holds_is_stepped_over_and_taken_later"
WRONG_CLOCK = "tests/worker/test_wrong_clock.py"

ADVANCE = 'await session.fetch("advance_schedule", row["schedule_id"], row["next_occurrence_at"], following, following)'

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
                '    run = await session.fetchrow("start_run"',
                f"    {ADVANCE}\n"
                '    await session.connection.execute("COMMIT; BEGIN")\n'
                '    run = await session.fetchrow("start_run"',
            ),
        ),
        (f"{CUT_OFF}::test_a_claim_that_is_cut_off_leaves_its_occurrence_due[its lease]",),
    ),
    Mutation(
        "next_run_at is advanced after the transaction of the claim",
        (
            Edit(
                "rowcall/store/sql/start_run.sql",
                "           next_run_at        = $4::timestamptz,\n",
                "           next_run_at        = CASE WHEN $4::timestamptz IS NULL THEN NULL ELSE s.next_run_at END,\n",
            ),
            Edit(
                "rowcall/store/starting.py",
                "    return [] if run is None",
                f'    await session.connection.execute("COMMIT; BEGIN")\n    {ADVANCE}\n    return [] if run is None',
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
        (
            Edit(CLAIM_QUEUED, "\n          FOR NO KEY UPDATE OF o SKIP LOCKED", ""),
            Edit(CLAIM_QUEUED, "\n                 FOR NO KEY UPDATE SKIP LOCKED", ""),
        ),
        (f"{DIFFERENT_ROWS}[queued]",),
    ),
    Mutation(
        "a claim of what is queued waits for schedules that another holds",
        (Edit(CLAIM_QUEUED, "                 FOR NO KEY UPDATE SKIP LOCKED", "                 FOR NO KEY UPDATE"),),
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
        "a schedule goes straight on, whatever is open of it",
        (
            Edit(
                "rowcall/store/sql/start_run.sql",
                "o.schedule_id = $2::bigint AND o.backfill_id IS NULL",
                "o.schedule_id = $2::bigint AND false",
            ),
        ),
        (f"{TOGETHER}::test_max_instances_is_exact_however_many_claim",),
    ),
    Mutation(
        "many schedules go straight on, whatever is open of them",
        (
            Edit(
                "rowcall/store/sql/start_runs.sql",
                "o.schedule_id = p.schedule_id AND o.backfill_id IS NULL",
                "o.schedule_id = p.schedule_id AND false",
            ),
        ),
        ("tests/store/test_claiming.py::test_what_is_open_of_a_schedule_keeps_it_from_starting[more]",),
    ),
    Mutation(
        "what is started ahead of its moment is committed at once",
        (Edit("rowcall/store/claiming.py", "    await until(ahead.due_at)\n", ""),),
        (f"{AHEAD}::test_a_run_that_is_started_ahead_is_there_for_nobody_before_its_moment",),
    ),
    Mutation(
        "a COMMIT that failed is taken for a success",
        (
            Edit(
                "rowcall/store/database.py",
                "                raise\n            await connection.execute(self._verbs.commit)\n",
                "                raise\n"
                "            try:\n"
                "                await connection.execute(self._verbs.commit)\n"
                "            except Exception:\n"
                "                pass\n",
            ),
        ),
        (
            f"{CUT_OFF}::test_a_claim_that_is_cut_off_leaves_its_occurrence_due[its lease]",
            f"{CUT_OFF}::test_a_result_that_is_cut_off_counts_when_it_is_sent_again",
        ),
    ),
    Mutation(
        "grace is judged by the clock of the worker's host",
        (
            Edit(
                "rowcall/store/starting.py",
                "NOTHING_OPEN), moments[schedule_id])",
                'NOTHING_OPEN), __import__("datetime").datetime.now(__import__("datetime").UTC))',
            ),
        ),
        (f"{WRONG_CLOCK}::test_a_worker_whose_clock_is_wrong_by_an_hour_is_as_punctual_as_any[an hour ahead]",),
    ),
)
