"""What keys promise: nobody comes in without one, sees what is another's, or changes anything unseen."""

from __future__ import annotations

from .mutation import Edit, Mutation

SQL = "rowcall/store/sql"
ISOLATION = "tests/webapi/test_isolation.py"
KEYS_TEST = "tests/webapi/test_keys.py"
MATRIX = "tests/webapi/test_key_matrix.py"
LOG = "tests/store/test_audit_log.py"
SWIFT = "tests/store/test_swiftly.py"
STATIC = f"{ISOLATION}::TestAStaticSchedule"
CANNOT_TELL = f"{ISOLATION}::test_another_clients_key_cannot_tell_that_a_schedule_exists"

KEYS = (
    Mutation(
        "any secret opens, as long as the key's id is known",
        (Edit("webapi/gate.py", "not hmac.compare_digest(stored, presented.secret_hash) or known", "known"),),
        (f"{KEYS_TEST}::test_an_unknown_key_and_a_wrong_secret_are_told_the_same",),
    ),
    Mutation(
        "a revoked key goes on",
        (Edit("webapi/gate.py", "known.key.is_revoked or known.is_over", "known.is_over"),),
        (f"{KEYS_TEST}::test_a_revoked_key_is_refused_within_seconds",),
    ),
    Mutation(
        "an expired key goes on",
        (Edit("webapi/gate.py", "known.key.is_revoked or known.is_over(time.monotonic())", "known.key.is_revoked"),),
        (f"{MATRIX}::test_every_operation_meets_every_kind_of_key_as_the_table_says",),
    ),
    Mutation(
        "who reads may write",
        (Edit("webapi/registry.py", "            _check_scope(operation, entry)\n", ""),),
        (f"{MATRIX}::test_a_read_only_key_changes_nothing",),
    ),
    Mutation(
        "who comes through a proxy needs no key",
        (Edit("webapi/gate.py", "if self._is_open and comes_straight(request):", "if self._is_open:"),),
        (f"{KEYS_TEST}::TestOpenOnThisMachine::test_who_comes_through_a_proxy_does",),
    ),
    Mutation(
        "a schedule is found by its id, whosever it is",
        (Edit(f"{SQL}/find_schedule.sql", "($4::text IS NULL OR", "($4::text IS NULL OR true OR"),),
        (CANNOT_TELL,),
    ),
    Mutation(
        "a schedule is locked, and so told of, whosever it is",
        (Edit(f"{SQL}/lock_schedule.sql", "($4::text IS NULL OR", "($4::text IS NULL OR true OR"),),
        (CANNOT_TELL,),
    ),
    Mutation(
        "a schedule is paused, resumed or deleted whatever happened to it since it was looked at",
        (
            Edit(f"{SQL}/set_schedule_status.sql", "($6::xid IS NULL OR s.xmin = $6)", "($6::xid IS NULL OR true)"),
            Edit(f"{SQL}/disable_schedule.sql", "s.xmin = $2", "$2::xid IS NOT NULL"),
        ),
        (f"{SWIFT}::test_a_schedule_that_changed_after_the_look_is_looked_at_again",),
    ),
    Mutation(
        "of two people who edit one schedule the second undoes what the first did",
        (Edit(f"{SQL}/update_schedule.sql", "($3::xid IS NULL OR s.xmin = $3)", "($3::xid IS NULL OR true)"),),
        (f"{SWIFT}::test_a_schedule_that_changed_after_the_look_is_looked_at_again",),
    ),
    Mutation(
        "what is queued of a schedule outlives it",
        (
            Edit(
                f"{SQL}/disable_schedule.sql",
                "NOT EXISTS (SELECT FROM rowcall.open_executions AS o WHERE o.schedule_id = $1)",
                "true",
            ),
        ),
        (f"{SWIFT}::test_what_is_queued_of_a_deleted_schedule_is_cancelled",),
    ),
    Mutation(
        "a schedule is resumed while its next occurrence comes",
        (Edit("rowcall/store/swiftly.py", "moment - timedelta(seconds=session.timeout_seconds)", "moment"),),
        (f"{SWIFT}::test_resuming_is_locked_where_the_next_occurrence_may_come_before_it_is_done",),
    ),
    Mutation(
        "a list of executions holds those of all clients, where its own are many",
        (Edit(f"{SQL}/list_executions.sql", "s.client_id = $8", "(s.client_id = $8 OR true)"),),
        ("tests/store/test_pages_of_client.py::test_both_ways_to_list_what_is_a_clients_show_the_same",),
    ),
    Mutation(
        "a list of executions holds those of all clients, where its own are few",
        (Edit(f"{SQL}/ids_of_client.sql", "WHERE n.client_id = $1 AND NOT", "WHERE NOT"),),
        (f"{ISOLATION}::test_lists_and_counts_hold_nothing_of_others",),
    ),
    Mutation(
        "anyone cancels any execution",
        (
            Edit(f"{SQL}/lock_open_execution.sql", "$2::text IS NULL OR", "$2::text IS NULL OR true OR"),
            Edit(f"{SQL}/locate_execution.sql", "$2::text IS NULL", "$2::text IS NULL OR true"),
        ),
        (f"{ISOLATION}::test_another_clients_key_cannot_tell_that_an_execution_exists",),
    ),
    Mutation(
        "one client creates for another",
        (
            Edit(
                "rowcall/store/schedules.py",
                "    session.access.check_creates_for(definition.client_id)\n    created_at",
                "    created_at",
            ),
        ),
        (f"{ISOLATION}::test_nobody_creates_for_another_client",),
    ),
    Mutation(
        "everyone sees the input of static schedules",
        (Edit("rowcall/domain/access.py", "return {**schedule, **dict.fromkeys(KEPT_BACK)}", "return schedule"),),
        (f"{STATIC}::test_everyone_sees_its_name_timing_and_status_and_only_an_administrator_its_input",),
    ),
    Mutation(
        "changes are not written down",
        (Edit("schema.sql", "    PERFORM rowcall.audit_schedule('changed', OLD, NEW);\n", "    NULL;\n"),),
        (f"{LOG}::test_a_change_by_plain_sql_names_the_role_and_what_was_before",),
    ),
    Mutation(
        "the log shows secrets",
        (Edit("schema.sql", "WHEN NOT shown OR document #>> '{}' ~ (", "WHEN document #>> '{}' ~ ("),),
        (f"{LOG}::test_what_may_be_secret_is_hidden_and_that_it_changed_is_not",),
    ),
)
