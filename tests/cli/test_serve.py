"""``rowcall serve`` and its kin as real processes: what they tell, and how they go."""

import asyncio
import json
import shlex
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest

from rowcall.embedded.folders import Folders
from rowcall.embedded.owner import take_ownership
from tests.cli.processes import DEADLINE_SECONDS, rowcall_process

SLOW_APP = """
import asyncio, rowcall
app = rowcall.App("slow")

@app.task
async def slow(run):
    await asyncio.sleep(run.input_data["seconds"])
    return "rested"
"""
READY = r"Rowcall \S+ is running"
API = r"API +(http://\S+)/v1/schedules"


@pytest.fixture
def slow_app(tmp_path: Path) -> Path:
    """A folder with an app whose task takes as long as it is told."""
    (tmp_path / "slow_app.py").write_text(SLOW_APP)
    return tmp_path


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=DEADLINE_SECONDS) as client:
        yield client


async def until(look: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Wait until the look finds what is wanted. Each look asks a server, and so takes its time."""
    found = None
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (found := await look()) != wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"wanted {wanted!r}, found {found!r}") from None


async def start_slow_run(client: httpx2.AsyncClient, seconds: float) -> str:
    """A run of the slow task that has begun; the path of its execution."""
    body = {"name": "slow", "task_type": "slow", "interval_seconds": 86400, "input_data": {"seconds": seconds}}
    assert (await client.post("/v1/schedules", json=body)).status_code == 201
    execution = (await client.post("/v1/schedules/slow/execute")).json()
    path = f"/v1/executions/{execution['execution_id']}"

    async def status() -> str:
        return str((await client.get(path)).json()["status"])

    await until(status, "RUNNING")
    return path


async def test_one_command_gives_an_api_a_worker_and_a_database_and_the_commands_it_prints_work(data_dir: Path) -> None:
    async with rowcall_process("serve", "--demo", "--port", "0") as serving:
        await serving.says(READY)
        url = (await serving.says(API))[1]

        curl = shlex.split((await serving.says(r"^ *curl -sS .*"))[0])
        assert curl[:4] == ["curl", "-sS", f"{url}/v1/schedules", "-H"]
        assert curl[4:6] == ["Content-Type: application/json", "-d"]
        async with client_of(url) as client:
            created = await client.post("/v1/schedules", content=curl[6], headers={"Content-Type": "application/json"})
            assert created.status_code == 201, created.text
            assert (await client.get("/openapi.json")).json()["openapi"].startswith("3.1")

        password = (data_dir / "password").read_text().strip()
        assert password
        assert password not in str(serving)
        psql = shlex.split((await serving.says(r"^ *\S*psql '?postgresql://.*"))[0])
        assert await answer_of(*psql, "-Atc", "SELECT count(*) FROM rowcall.schedules") == "3"

        await serving.says(r"^\d\d:\d\d:\d\dZ +hello +SUCCEEDED +.* late +took ")
        serving.send(signal.SIGTERM)
        assert await serving.ends() == 0
    assert_no_server(data_dir)
    async with rowcall_process("serve", "--port", "0") as again:
        await again.says(READY)
        await again.says("No worker runs demo-hello, demo-report: what needs it waits. --app brings")
        guest = await rowcall_answers("schedules", "list", "--json")
        assert len(guest.splitlines()) == 3, "what was there before is there, and nothing twice"


async def test_schedules_can_be_looked_at_and_changed_while_nothing_is_running(data_dir: Path) -> None:
    create = ("schedules", "create", "nightly", "--task", "x", "--cron", "@daily", "--allow-unknown-task", "--json")
    assert '"name": "nightly"' in await rowcall_answers(*create)
    assert_no_server(data_dir)
    assert await rowcall_answers("psql", "--", "-Atc", "SELECT name FROM rowcall.schedules") == "nightly"
    assert_no_server(data_dir)


async def test_commands_at_once_share_a_server_and_none_ends_it_under_another(data_dir: Path) -> None:
    names = [f"nightly-{number}" for number in range(6)]
    create = ("--task", "x", "--cron", "@daily", "--allow-unknown-task", "--json")
    await rowcall_answers("schedules", "list")
    await asyncio.gather(*(rowcall_answers("schedules", "create", name, *create) for name in names))
    found = await rowcall_answers("schedules", "list", "--json")
    assert sorted(json.loads(line)["name"] for line in found.splitlines()) == names
    assert_no_server(data_dir)


@pytest.mark.parametrize("place", ["before the host", "among the parameters", "both"])
async def test_psql_shows_its_password_to_no_list_of_processes(dsn: str, place: str) -> None:
    parts = urlsplit(dsn)
    assert parts.password is not None
    bare, query = f"{parts.username}@", f"{parts.query}&password={parts.password}"
    if place == "among the parameters":
        dsn = parts._replace(netloc=bare, query=query).geturl()
    elif place == "both":
        dsn = parts._replace(query=f"password=wrong&{parts.query}").geturl()
    command = ("psql", "--", "-Atc", r"\! cat /proc/$PPID/cmdline", "-c", "SELECT 'in'")
    async with rowcall_process(*command, DATABASE_URL=dsn) as ran:
        assert await ran.ends() == 0, ran
    assert "postgresql://" in ran.out[0]
    assert ran.out[0].endswith("SELECT 'in'\0in")
    assert not [secret for secret in (parts.password, "wrong") if secret in str(ran)]


async def test_who_stays_takes_the_server_over_from_who_ends(data_dir: Path, slow_app: Path) -> None:
    async with rowcall_process("serve", "--port", "0") as owner:
        await owner.says(READY)
        async with rowcall_process("worker", "--app", "slow_app", "--json", cwd=slow_app) as heir:
            await heir.says("run by another process")
            await heir.says("a worker for http, slow")
            owner.send(signal.SIGTERM)
            assert await owner.ends() == 0
            await heir.says("taken over")
            create = ("schedules", "create", "quick", "--task", "slow", "--interval", "1d", "--input", '{"seconds": 0}')
            await rowcall_answers(*create)
            await rowcall_answers("schedules", "execute", "quick", "--wait")
            await heir.says(r'"execution_ended".*"status": "SUCCEEDED"')
            heir.send(signal.SIGTERM)
            assert await heir.ends() == 0
    assert_no_server(data_dir)


async def test_who_takes_the_server_over_listens_where_it_did_whatever_the_environment_says(
    data_dir: Path, slow_app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data folder too deep for a socket: it stands in a folder for temporary files then, and each has its own."""
    places = [data_dir.parent / name for name in ("mine", "yours", "deep" * 25)]
    for place in places:
        place.mkdir()
        place.chmod(0o711)
    mine, yours, deep = map(str, places)
    monkeypatch.setenv("ROWCALL_DATA_DIR", f"{deep}/data")
    async with rowcall_process("serve", "--port", "0", TMPDIR=mine) as owner:
        await owner.says(READY)
        async with rowcall_process("worker", "--app", "slow_app", "--json", cwd=slow_app, TMPDIR=yours) as heir:
            await heir.says("a worker for http, slow")
            owner.send(signal.SIGTERM)
            assert await owner.ends() == 0
            await heir.says("taken over")
            create = ("schedules", "create", "quick", "--task", "slow", "--interval", "1d", "--input", '{"seconds": 0}')
            await rowcall_answers(*create)
            await rowcall_answers("schedules", "execute", "quick")
            await heir.says(r'"execution_ended".*"status": "SUCCEEDED"')


async def test_who_can_not_take_the_server_over_says_why_and_tries_again(data_dir: Path) -> None:
    configuration = data_dir / "postgres" / "postgresql.conf"
    async with rowcall_process("serve", "--port", "0") as owner:
        await owner.says(READY)
        async with rowcall_process("worker") as heir:
            await heir.says("a worker for http")
            good = configuration.read_text()
            configuration.write_text(f"{good}\nmax_connections = lots\n")
            owner.send(signal.SIGTERM)
            assert await owner.ends() == 0
            await heir.says("could not be taken over, next try in .*max_connections")
            configuration.write_text(good)
            await heir.says("taken over")
            assert await rowcall_answers("schedules", "list", "--json") == ""
            heir.send(signal.SIGTERM)
            assert await heir.ends() == 0
    assert_no_server(data_dir)


async def test_a_stop_lets_what_runs_finish_and_says_it_is_going(dsn: str, slow_app: Path) -> None:
    async with rowcall_process(
        "serve", "--app", "slow_app", "--port", "0", cwd=slow_app, DATABASE_URL=dsn
    ) as serving, client_of((await serving.says(API))[1]) as client:  # fmt: skip
        execution = await start_slow_run(client, seconds=1.5)
        serving.send(signal.SIGTERM)
        await serving.says("SIGTERM: stopping; what runs may finish")
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get(execution)).json()["status"] == "RUNNING"
        assert await serving.ends() == 0
        assert any("slow" in line and "SUCCEEDED" in line for line in serving.out)


async def test_a_second_signal_ends_it_at_once_and_the_run_is_given_back(dsn: str, slow_app: Path) -> None:
    async with rowcall_process(
        "serve", "--app", "slow_app", "--port", "0", cwd=slow_app, DATABASE_URL=dsn
    ) as serving, client_of((await serving.says(API))[1]) as client:  # fmt: skip
        await start_slow_run(client, seconds=600)
        serving.send(signal.SIGINT)
        await serving.says("SIGINT: stopping")
        serving.send(signal.SIGINT)
        assert await serving.ends() == 130
    assert await fetch(dsn, "SELECT status, attempt FROM rowcall.schedule_executions") == ("QUEUED", 0)


async def test_a_signal_before_it_is_ready_ends_it_there(empty_dsn: str) -> None:
    blocker = await asyncpg.connect(empty_dsn)
    await blocker.execute("SELECT pg_advisory_lock(hashtextextended('rowcall.schema_migrations', 0))")
    async with rowcall_process("serve", "--port", "0", DATABASE_URL=empty_dsn) as serving:

        async def migrating() -> int:
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
            )
            return int(await blocker.fetchval(waiting, "rowcall migrate"))

        await until(migrating, 1)
        serving.send(signal.SIGTERM)
        assert await serving.ends() == 0
        await serving.says("stopping before it was ready")
    await blocker.close()


async def test_an_empty_database_of_ones_own_is_built_and_an_older_one_is_refused(empty_dsn: str) -> None:
    async with rowcall_process("serve", "--port", "0", DATABASE_URL=empty_dsn) as serving:
        await serving.says(READY)
        await serving.says(r'psql "\$DATABASE_URL"')
        serving.send(signal.SIGTERM)
        assert await serving.ends() == 0
    newest = "SELECT max(version) FROM rowcall.schema_migrations"
    await fetch(empty_dsn, f"DELETE FROM rowcall.schema_migrations WHERE version = ({newest}) RETURNING 1")
    async with rowcall_process("serve", "--port", "0", DATABASE_URL=empty_dsn) as serving:
        assert await serving.ends() == 3
        await serving.says("run `rowcall migrate`")
        assert "Traceback" not in str(serving)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["api", "--host", "no-such-host.invalid"], 2, "is no address to listen on"),
        (["worker", "--app", "no_such_module:app"], 2, "there is no module 'no_such_module'"),
    ],
)
async def test_what_can_not_be_served_is_refused_before_anything_starts(
    data_dir: Path, arguments: list[str], code: int, words: str
) -> None:
    async with rowcall_process(*arguments) as process:
        assert await process.ends() == code
        await process.says(words)
        assert "Traceback" not in str(process)
    assert not data_dir.exists()  # noqa: ASYNC240 - nothing else runs in this loop


async def test_a_worker_alone_tells_events_as_json_and_an_api_alone_answers(dsn: str, slow_app: Path) -> None:
    worker = rowcall_process(
        "worker", "--app", "slow_app:app", "--json", cwd=slow_app, DATABASE_URL=dsn, ROWCALL_PORT="0"
    )
    api = rowcall_process("api", "--port", "0", DATABASE_URL=dsn)
    async with worker as working, api as answering, client_of((await answering.says(API))[1]) as client:
        await working.says("a worker for http, slow")
        await start_slow_run(client, seconds=0.1)
        await working.says(r'^{"event": "execution_started".*"schedule_name": "slow"')
        await working.says(r'^{"event": "execution_ended".*"status": "SUCCEEDED"')
        for process in (working, answering):
            process.send(signal.SIGTERM)
            assert await process.ends() == 0


async def test_with_schedules_switched_off_there_is_an_api_and_no_worker(dsn: str) -> None:
    async with rowcall_process("serve", "--port", "0", DATABASE_URL=dsn, ROWCALL_SCHEDULER_ENABLED="off") as serving:
        await serving.says(READY)
        await serving.says("ROWCALL_SCHEDULER_ENABLED is off")
        assert await fetch(dsn, "SELECT count(*) FROM rowcall.workers") == (0,)
    for command in ("worker", "tick"):
        async with rowcall_process(command, DATABASE_URL=dsn, ROWCALL_SCHEDULER_ENABLED="off") as refused:
            assert await refused.ends() == 2


async def test_a_tick_runs_what_is_due_and_ends(dsn: str, slow_app: Path) -> None:
    await fetch(
        dsn,
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, scheduled_time, input_data) "
        "VALUES ('once', 'slow', 'one_time', now(), '{\"seconds\": 0}') RETURNING 1",
    )
    async with rowcall_process("tick", "--app", "slow_app", "--json", cwd=slow_app, DATABASE_URL=dsn) as tick:
        assert await tick.ends() == 0
        await tick.says(r'^{"claimed": 1, "recorded": 0}$')
    assert await fetch(dsn, "SELECT status, result_data #>> '{}' FROM rowcall.schedule_executions") == (
        "SUCCEEDED",
        "rested",
    )


def assert_no_server(data_dir: Path) -> None:
    """Nobody owns the data any more, and the server did not stay behind."""
    lock = take_ownership(Folders(data_dir))
    assert lock is not None
    lock.release()
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


async def fetch(dsn: str, sql: str) -> tuple[Any, ...]:
    """The one row of an answer."""
    connection = await asyncpg.connect(dsn)
    try:
        [row] = await connection.fetch(sql)
        return tuple(row)
    finally:
        await connection.close()


async def answer_of(*command: str) -> str:
    """What a program writes, once it has ended well."""
    process = await asyncio.create_subprocess_exec(*command, stdout=-1)
    out, _ = await process.communicate()
    assert process.returncode == 0, command
    return out.decode().strip()


async def rowcall_answers(*arguments: str) -> str:
    """What a command writes to standard output, once it has ended well."""
    async with rowcall_process(*arguments) as process:
        assert await process.ends() == 0, str(process)
        return "\n".join(process.out)


async def test_an_api_with_older_time_zone_data_than_is_in_use_says_so(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE rowcall.installation SET tzdata_version = '9999a'")
    await connection.close()
    async with rowcall_process("api", DATABASE_URL=dsn, ROWCALL_PORT="0") as api:
        await api.says('"noted": "9999a".*"zone_data_is_older"')
