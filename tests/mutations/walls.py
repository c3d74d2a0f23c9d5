"""What holds against strangers in the database, clocks that leap, and the dead; and what the end of a run rests on."""

from __future__ import annotations

from .mutation import Edit, Mutation

SQL = "rowcall/store/sql"
SHADOWS = "tests/worker/builtin/test_shadows_in_public.py::test_what_anybody_put_into_public_never_runs_as_rowcall"
RETENTION = "tests/store/test_retention.py"
LEAPS = "tests/store/test_retention_leaps.py"
SQL_TASK = "tests/worker/builtin/test_sql_task.py"
RECOVERING = "tests/store/test_recovering.py"

STRANGERS = (
    Mutation(
        "the store's statements find what lies in public",
        (
            Edit(
                "rowcall/store/database.py",
                "(PROBES | NAMES if probes_only else {})",
                "(PROBES if probes_only else {})",
            ),
        ),
        (SHADOWS,),
    ),
    Mutation(
        "a run's own transaction ends on the path of its task",
        (Edit("rowcall/store/finishing.py", "        await transaction.connection.execute(ONLY_OUR_NAMES)\n", ""),),
        (SHADOWS,),
    ),
    Mutation(
        "the powers of the role of sql tasks are not looked at",
        (Edit(f"{SQL}/objection_to_sql_role.sql", "WHEN powers.name IS NOT NULL", "WHEN false"),),
        (f"{SQL_TASK}::test_a_role_with_rights_it_should_not_have_or_without_those_it_needs_runs_nothing[createrole]",),
    ),
    Mutation(
        "each notification is heard by itself",
        (Edit("worker/listening.py", "calm.hear(message)", "on_message(message)"),),
        ("tests/worker/test_floods.py::test_a_flood_of_notifications_is_heard_a_few_times_a_second[look]",),
    ),
)

CLOCKS = (
    Mutation(
        "days are dropped by their age alone",
        (Edit("worker/retention.py", "keep_days=days", "keep_days=0"),),
        (f"{LEAPS}::test_a_clock_that_leaps_a_year_ahead_costs_the_ledger_no_more_than_a_few_of_its_days",),
    ),
    Mutation(
        "a beat that lies ahead keeps a dead worker's lease",
        (Edit(f"{SQL}/bury_workers.sql", "AND a.last_beat_at > clock_timestamp() + interval '1 second'", "AND false"),),
        (f"{RECOVERING}::test_a_worker_that_died_before_the_clock_went_back_is_given_up_a_lease_later",),
    ),
)

ENDINGS = (
    Mutation(
        "a run's transaction commits though its execution was given away",
        (Edit("rowcall/store/finishing.py", "        if not finished:\n", "        if not finished and False:\n"),),
        ("tests/worker/test_transactions.py::test_an_execution_given_to_another_writes_nothing",),
    ),
    Mutation(
        "a run that kills its worker is tried again for ever",
        (
            Edit(
                "rowcall/store/leases.py",
                'may_retry(orphan["attempt"], orphan["max_retries"]) and not orphan["deleted"]',
                'not orphan["deleted"]',
            ),
        ),
        (f"{RECOVERING}::test_a_run_without_a_retry_left_is_lost_and_counted",),
    ),
    Mutation(
        "a run of a deleted schedule is tried again",
        (
            Edit(
                "rowcall/store/finishing.py",
                "deleted = await deleted_among(transaction, [result.claim.schedule_id for result in again])",
                "deleted: frozenset[int] = frozenset()",
            ),
        ),
        ("tests/store/test_deleted.py::test_a_run_of_a_deleted_schedule_ends_and_is_not_queued_again",),
    ),
    Mutation(
        "a claim is not counted against the limit",
        (Edit(f"{SQL}/start_runs.sql", "s.scheduled_runs + coalesce(p.counted, 1)", "s.scheduled_runs"),),
        ("tests/store/test_claiming_together.py::test_max_executions_is_exact_however_many_claim",),
    ),
    Mutation(
        "cancel_running leaves the old run alone",
        (Edit(f"{SQL}/request_cancel_open.sql", "WHERE o.schedule_id = asked.schedule_id AND", "WHERE false AND"),),
        ("tests/store/test_overlap.py::test_cancel_running_ends_the_old_one_and_starts_when_it_has_ended",),
    ),
    Mutation(
        "what has been due for long has no lane of its own",
        (Edit("rowcall/store/claiming.py", "if late is None or cutoff is None:", "if True:"),),
        ("tests/store/test_claiming_late.py::test_what_is_due_now_goes_first_whatever_its_priority",),
    ),
    Mutation(
        "a backfill forgets that its range has run",
        (Edit(f"{SQL}/chain_of.sql", "WHERE b.schedule_id = $1 AND", "WHERE false AND"),),
        (f"{RETENTION}::test_a_backfill_of_what_lies_before_its_schedule_is_taken_though_days_were_dropped",),
    ),
    Mutation(
        "the audit sees no hole between two rows",
        (
            Edit(
                "rowcall/domain/auditing.py",
                "        found = (self._again(row) if twice else None) or self._link(row) or",
                "        found = (self._again(row) if twice else None) or",
            ),
        ),
        ("tests/store/test_auditing.py::test_a_missing_row_is_a_gap_with_its_span",),
    ),
)

WALLS = (*STRANGERS, *CLOCKS, *ENDINGS)
