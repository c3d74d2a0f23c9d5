"""schema.sql, and the numbered files that lead older databases to the same."""

import contextlib

import asyncpg
import pytest

from rowcall.store.database import Database
from rowcall.store.migrations import apply_schema, check_schema, known_migrations, schema_version
from tests.upgrade.growing import BY_HAND, COPIED, RELEASED, SCHEMA, copied, statements, what_is_new
from tests.upgrade.history import FIRST, PREVIEW, file_of
from tests.upgrade.structure import PARTS, differences, structure

TODAY = known_migrations()
WHOLE = SCHEMA.read_text(encoding="utf-8")

WHAT_TO_DO = f"""
An upgraded database (-) differs from a new one (+). `make migrations` brings functions, views, triggers and new tables
into {COPIED.name}. What is done to tables that were there before is written by hand, into
{BY_HAND.name}, each statement such that it can be repeated: columns with ADD COLUMN IF NOT EXISTS, constraints
NOT VALID and then validated, indexes CONCURRENTLY (of the ledger: for each day, then attached to one made ON ONLY the
whole), views that lose or move a column dropped first. What only a preview has is altered IF EXISTS. Old workers go on
meanwhile: nothing that they need may go before a file named post, no lock may be held for longer than a moment.
"""


async def test_a_new_database_and_an_upgraded_one_are_the_same(empty_dsn: str, dsn: str) -> None:
    await _compare(empty_dsn, TODAY[0].script, noted=TODAY[0].checksum, new=dsn)


async def test_a_database_of_a_preview_becomes_the_same_too(empty_dsn: str, dsn: str) -> None:
    script = file_of(PREVIEW, "schema.sql")
    [checksum] = TODAY[0].recognised - {TODAY[0].checksum}
    await _compare(empty_dsn, script, noted=checksum, new=dsn)


async def test_so_does_an_older_one_that_the_schema_was_applied_to_by_hand(empty_dsn: str, dsn: str) -> None:
    await _apply(empty_dsn, TODAY[0].script)
    connection = await asyncpg.connect(empty_dsn)
    for statement in statements(WHOLE):  # as psql does: on, whatever fails
        with contextlib.suppress(asyncpg.PostgresError):
            await connection.execute(statement)
    await connection.close()

    await _compare(empty_dsn, None, noted=None, new=dsn)


async def test_an_upgrade_that_is_cut_off_anywhere_goes_on_when_it_is_begun_again(empty_dsn: str, dsn: str) -> None:
    await _apply(empty_dsn, TODAY[0].script)
    for migration in TODAY[1:]:
        if not migration.in_transaction:
            for done in range(len(migration.statements)):
                for statement in migration.statements[: done + 1]:
                    await _apply(empty_dsn, statement)
    await _compare(empty_dsn, None, noted=None, new=dsn)


async def test_all_files_can_be_applied_again(dsn: str) -> None:
    before = await _structure(dsn)
    for migration in TODAY[1:]:
        for statement in [migration.script] if migration.in_transaction else migration.statements:
            await _apply(dsn, statement)
    assert not differences(await _structure(dsn), before)


async def _compare(dsn: str, script: str | None, *, noted: str | None, new: str) -> None:
    if script:
        await _apply(dsn, script)
    async with Database.open(dsn, size=2) as database:
        await database.fetch("record_migration", TODAY[0].version, TODAY[0].name, noted)
        assert await apply_schema(database) == [migration.version for migration in TODAY[1:]]
        await check_schema(database)
    found, wanted = await _structure(dsn), await _structure(new)
    assert all(wanted[kind] for kind in PARTS if kind != "types")
    assert not (difference := differences(found, wanted)), f"{difference}\n{WHAT_TO_DO}"


async def _apply(dsn: str, script: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(script)
    await connection.close()


async def _structure(dsn: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(dsn)
    try:
        return await structure(connection)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE rowcall.schedules ALTER COLUMN priority SET DEFAULT 6",
        "ALTER TABLE rowcall.schedules DROP CONSTRAINT schedules_status_known",
        "DROP INDEX rowcall.schedules_due",
        "DROP TRIGGER wake_workers ON rowcall.schedules",
        "ALTER FUNCTION rowcall.wake_workers() COST 7",
        "ALTER TABLE rowcall.schedules RESET (fillfactor)",
        "ALTER SEQUENCE rowcall.execution_ids CACHE 5",
        "GRANT USAGE ON SCHEMA rowcall TO PUBLIC",
        "ALTER TABLE rowcall.schedules ADD COLUMN colour text",
        "CREATE OR REPLACE VIEW rowcall.v_running AS SELECT NULL::bigint AS execution_id",
    ],
)
async def test_that_comparison_sees_a_change(dsn: str, change: str) -> None:
    before = await _structure(dsn)
    if "VIEW" in change:
        await _apply(dsn, "DROP VIEW rowcall.v_running CASCADE")
    await _apply(dsn, change)
    assert differences(await _structure(dsn), before)


# ── the files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_file_has_what_the_schema_has_new() -> None:
    assert COPIED.read_text(encoding="utf-8") == copied(), "run `make migrations`"


def test_a_file_that_databases_were_made_with_stays_as_it_is() -> None:
    changed = [m.version for m in TODAY if m.version in RELEASED and not m.checksum.startswith(RELEASED[m.version])]
    assert not changed, (
        f"{changed} are as databases were made with them, and stay so. 0001 is `git show {FIRST[:7]}:schema.sql`; "
        f"what is new goes into {BY_HAND.name}, or into {COPIED.name} by `make migrations`"
    )
    assert set(RELEASED) <= {migration.version for migration in TODAY}


def test_the_first_file_is_the_schema_of_its_day() -> None:
    assert file_of(FIRST, "schema.sql") == TODAY[0].script == file_of(FIRST, f"rowcall/store/migrations/{_name(0)}")


def _name(number: int) -> str:
    return f"{TODAY[number].version}_{TODAY[number].name}.sql"


async def test_a_database_made_by_the_schema_alone_lacks_nothing(dsn: str) -> None:
    async with Database.open(dsn, size=1) as database:
        await check_schema(database)
        assert await schema_version(database) == TODAY[-1].version
        assert await apply_schema(database) == [], "name the new file at the end of schema.sql"


def test_files_are_numbered_without_gaps() -> None:
    assert [int(migration.version) for migration in TODAY] == list(range(1, len(TODAY) + 1))


def test_what_is_new_is_told_from_what_was_there() -> None:
    function = "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n    SELECT 1;\n    -- one;\n$$;"
    table = "CREATE TABLE IF NOT EXISTS rowcall.old (\n    id int\n);"
    before = f"-- It was.\n{table}\n\n-- One.\n{function}\n"
    schema = "\n".join(
        [
            table.replace("int", "bigint"),
            "-- serves something\nCREATE INDEX IF NOT EXISTS by_id\n    ON rowcall.old (id);",
            "-- Still one.",
            function,
            "ALTER TABLE rowcall.old ALTER COLUMN id SET DEFAULT 1;",
            "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON rowcall.old EXECUTE FUNCTION f();",
            "-- Two, in fact; not one;\n" + function.replace("1", "2"),
            table.replace("old", "new"),
            "CREATE INDEX IF NOT EXISTS by_id ON rowcall.new (id);",
        ]
    )
    new = [statement.splitlines()[-1] for statement in statements(what_is_new(schema, [before]))]
    assert [line[:36] for line in new] == [
        "$$;",
        ");",
        "CREATE INDEX IF NOT EXISTS by_id ON ",
        "CREATE OR REPLACE TRIGGER t BEFORE I",
    ]
