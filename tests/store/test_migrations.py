"""From an empty or older database to today's schema, by whichever way, at whatever moment, with whoever else comes."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files

import asyncpg
import pytest

from rowcall.domain.errors import Forbidden, StoreUnavailable
from rowcall.store import migrations as runner
from rowcall.store.database import Database
from rowcall.store.migrations import (
    Migration,
    SchemaMismatch,
    apply_schema,
    check_schema,
    known_migrations,
    pending_migrations,
    schema_version,
)
from tests.upgrade.structure import structure

SCHEMA = files("rowcall").joinpath("schema.sql").read_text(encoding="utf-8")
TODAY = known_migrations()
NEWEST = TODAY[-1].version

ADD = Migration("9001", "pre_add_colour", "ALTER TABLE rowcall.schedules ADD COLUMN colour text;")
INDEX = Migration(
    "9002",
    "pre_index_colour",
    "-- no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS rowcall.by_colour;\n\n"
    "CREATE INDEX CONCURRENTLY by_colour ON rowcall.schedules (colour);\n\n",
)
DROP = Migration("9003", "post_drop_colour", "ALTER TABLE rowcall.schedules DROP COLUMN colour;")
BROKEN = Migration("9002", "pre_broken", "CREATE TABLE rowcall.half (id int); SELECT 1 / 0;")


@pytest.fixture
async def empty(empty_dsn: str) -> AsyncIterator[Database]:
    async with Database.open(empty_dsn, size=2) as database:
        yield database


@pytest.fixture
async def current(dsn: str) -> AsyncIterator[Database]:
    async with Database.open(dsn, size=2) as database:
        yield database


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def test_the_schema_applied_twice_is_the_schema_applied_once(empty: Database) -> None:
    await empty.run_script(SCHEMA)
    async with connected(empty.dsn) as connection:
        once = await structure(connection)

    await empty.run_script(SCHEMA)

    async with connected(empty.dsn) as connection:
        assert await structure(connection) == once
        assert await connection.fetchval("SELECT count(*) FROM rowcall.installation") == 1


async def test_an_empty_database_gets_the_whole_schema_and_its_checksums(empty: Database) -> None:
    assert await schema_version(empty) is None
    assert await pending_migrations(empty) == [migration.version for migration in TODAY]

    assert await apply_schema(empty) == [migration.version for migration in TODAY]

    assert await schema_version(empty) == NEWEST
    await check_schema(empty)
    async with connected(empty.dsn) as connection:
        kept = await connection.fetch("SELECT version, checksum FROM rowcall.schema_migrations ORDER BY version")
    assert [tuple(row) for row in kept] == [(migration.version, migration.checksum) for migration in TODAY]


async def test_a_current_database_is_left_as_it_is(current: Database) -> None:
    assert await apply_schema(current) == []
    assert await pending_migrations(current) == []


async def test_an_older_database_gets_what_it_lacks_in_order(current: Database) -> None:
    assert await apply_schema(current, [*TODAY, ADD, INDEX, DROP]) == ["9001", "9002", "9003"]
    assert await schema_version(current) == "9003"
    assert await apply_schema(current, [*TODAY, ADD, INDEX, DROP]) == []


async def test_a_file_that_fails_leaves_nothing_of_itself_and_all_that_came_before(current: Database) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await apply_schema(current, [*TODAY, ADD, BROKEN])

    assert await schema_version(current) == ADD.version
    async with connected(current.dsn) as connection:
        assert await connection.fetchval("SELECT to_regclass('rowcall.half')") is None


async def test_a_file_without_a_transaction_can_be_repeated_after_it_failed_half_way(current: Database) -> None:
    await apply_schema(current, [*TODAY, ADD])
    async with connected(current.dsn) as connection:
        await connection.execute("CREATE INDEX by_colour ON rowcall.schedules (colour)")  # left by the first try

    assert await apply_schema(current, [*TODAY, ADD, INDEX]) == [INDEX.version]


async def test_of_processes_that_start_at_once_one_builds_and_all_go_on(empty: Database) -> None:
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(Database.open(empty.dsn, size=1)) for _ in range(4)]
        applied = await asyncio.gather(*(apply_schema(database, [*TODAY, ADD, INDEX]) for database in others))

    assert sorted(version for versions in applied for version in versions if version > "9000") == ["9001", "9002"]
    await check_schema(empty, [*TODAY, ADD, INDEX])


async def test_a_migration_does_not_queue_behind_a_lock_for_ever(
    current: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOCK_TIMEOUT_SECONDS", 0.2)
    async with connected(current.dsn) as reader, reader.transaction():
        await reader.fetch("SELECT FROM rowcall.schedules")
        with pytest.raises(StoreUnavailable, match=r"Another session held a lock .* Nothing is half done: try again"):
            await apply_schema(current, [*TODAY, ADD])

    assert await apply_schema(current, [*TODAY, ADD]) == [ADD.version]


async def test_a_process_that_never_finishes_is_not_waited_for_without_end(
    current: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PATIENCE_SECONDS", 0.3)
    async with connected(current.dsn) as stuck:
        await stuck.execute(f"SELECT pg_advisory_lock({runner._LOCK})")
        with pytest.raises(StoreUnavailable, match="Another process has been changing the schema"):
            await apply_schema(current)


async def test_a_database_without_a_schema_is_told_to_be_migrated(empty: Database) -> None:
    with pytest.raises(SchemaMismatch, match="no Rowcall schema yet: run `rowcall migrate`"):
        await check_schema(empty)


async def test_an_older_schema_is_refused_with_the_way_out(current: Database) -> None:
    with pytest.raises(SchemaMismatch, match=f"at schema {NEWEST}, this Rowcall needs 9001: run `rowcall migrate`"):
        await check_schema(current, [*TODAY, ADD])


@pytest.mark.parametrize("ahead", [[ADD], [ADD, INDEX]])
async def test_what_a_newer_rowcall_added_ahead_of_its_code_does_not_stop_this_one(
    current: Database, ahead: Sequence[Migration]
) -> None:
    await apply_schema(current, [*TODAY, *ahead])
    await check_schema(current)
    assert await apply_schema(current) == []


async def test_what_a_newer_rowcall_took_away_stops_this_one(current: Database) -> None:
    await apply_schema(current, [*TODAY, ADD, DROP])
    for look in (check_schema, apply_schema):
        with pytest.raises(SchemaMismatch, match=r"changed by a newer Rowcall.*upgrade Rowcall"):
            await look(current)


async def test_what_can_come_after_the_new_code_is_not_demanded_before_it(current: Database) -> None:
    await apply_schema(current, [*TODAY, ADD])
    await check_schema(current, [*TODAY, ADD, DROP])
    assert await pending_migrations(current, [*TODAY, ADD, DROP]) == [DROP.version]


async def test_a_file_that_was_changed_after_it_was_applied_is_noticed(current: Database) -> None:
    await apply_schema(current, [*TODAY, ADD])
    changed = Migration(ADD.version, ADD.name, ADD.script.replace("text", "int"))
    for look in (check_schema, apply_schema):
        with pytest.raises(SchemaMismatch, match=r"Schema file 9001 \(pre_add_colour\) is not the one"):
            await look(current, [*TODAY, changed])


def test_a_checksum_does_not_depend_on_line_ends() -> None:
    unix, windows = Migration("0009", "pre_x", "SELECT 1;\n"), Migration("0009", "pre_x", "SELECT 1;\r\n")
    assert unix.checksum == windows.checksum != Migration("0009", "pre_x", "SELECT 2;\n").checksum


async def test_a_schema_of_that_name_that_is_not_ours_is_not_touched(empty: Database) -> None:
    async with connected(empty.dsn) as connection:
        await connection.execute("CREATE SCHEMA rowcall; CREATE TABLE rowcall.calls (id int)")
    with pytest.raises(SchemaMismatch, match="1 tables, none of them schema_migrations"):
        await apply_schema(empty)


async def test_a_schema_that_was_only_made_room_for_is_filled(empty: Database) -> None:
    async with connected(empty.dsn) as connection:
        await connection.execute("CREATE SCHEMA rowcall")
    assert await apply_schema(empty)


async def test_a_role_that_may_not_is_told_so(empty: Database, server_dsn: str) -> None:
    role, password = f"rowcall_test_{secrets.token_hex(4)}", secrets.token_hex(16)
    async with connected(server_dsn) as admin:
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        try:
            stranger = _as_role(empty.dsn, role, password)
            async with Database.open(stranger, size=1) as database:
                with pytest.raises(Forbidden, match="may CREATE in the database"):
                    await apply_schema(database)
        finally:
            await admin.execute(f"DROP ROLE {role}")


def _as_role(dsn: str, role: str, password: str) -> str:
    rest = dsn.split("://", 1)[1].rsplit("@", 1)[-1]
    return f"postgresql://{role}:{password}@{rest}"
