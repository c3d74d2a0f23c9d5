"""``rowcall worker --probe-port``: whether it lives and works, and what it counts, without an API."""

import json
import signal
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest

from rowcall.settings import Settings
from rowcall.worker.builtin.http_task import egress_policy
from tests.cli.processes import rowcall_process
from tests.cli.support import RowcallCommand

PROBES = r"Probes are answered at (http://\S+)\.$"
TASKS = """
import rowcall
app = rowcall.App("counted")

@app.task
def counted():
    return "done"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "counted_app.py").write_text(TASKS)
    return tmp_path


async def test_a_worker_alone_answers_probes_and_tells_its_own_counters(
    rowcall: RowcallCommand, dsn: str, folder: Path
) -> None:
    command = ("worker", "--app", "counted_app:app", "--probe-port", "0", "--json")
    hosts = "localhost,worker.internal"
    worker = rowcall_process(*command, cwd=folder, DATABASE_URL=dsn, ROWCALL_ALLOWED_HOSTS=hosts)
    async with worker as working:
        url = (await working.says(PROBES))[1]
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
            async with rowcall_process(
                "schedules", "create", "n", "--task", "counted", "--interval", "1d", DATABASE_URL=dsn
            ) as made:
                assert await made.ends() == 0, made.err
            async with rowcall_process("schedules", "execute", "n", DATABASE_URL=dsn) as asked:
                assert await asked.ends() == 0, asked.err
            await working.says(r'^{"event": "execution_ended".*"status": "SUCCEEDED"')
            assert {path: (await client.get(path)).status_code for path in ("/livez", "/readyz")} == {
                "/livez": 200,
                "/readyz": 200,
            }
            told = (await client.get("/metrics")).text
            assert 'rowcall_executions_total{result="succeeded",task="counted"} 1.0' in told
            for path in ("/v1/schedules", "/openapi.json", "/"):
                assert (await client.get(path)).status_code == 404
            foreign = {"Host": "worker.internal"}
            assert (await client.get("/livez", headers=foreign)).status_code == 200
            assert (await client.get("/metrics", headers=foreign)).status_code == 401
            assert (await client.get("/livez", headers={"Host": "evil.example"})).status_code == 421
        working.send(signal.SIGTERM)
        assert await working.ends() == 0
    assert all(json.loads(line) for line in working.out)


async def test_a_taken_probe_port_is_told_at_once(dsn: str) -> None:
    async with rowcall_process("worker", "--probe-port", "0", DATABASE_URL=dsn) as first:
        port = (await first.says(PROBES))[1].rpartition(":")[2]
        async with rowcall_process("worker", DATABASE_URL=dsn, ROWCALL_PROBE_PORT=port) as second:
            assert await second.ends() == 5
            assert any(port in line and "can't be listened on" in line for line in second.err)


def test_http_tasks_do_not_reach_the_probes_even_where_the_machine_is_allowed() -> None:
    policy = egress_policy(Settings(probe_port=8099, http_allow=("127.0.0.1",)))
    objections = {port: policy.objection("127.0.0.1", port, [ip_address("127.0.0.1")]) for port in (8098, 8099)}
    assert objections[8098] is None
    assert "Rowcall's own" in (objections[8099] or "")
