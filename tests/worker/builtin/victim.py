"""An execution of somebody else's, which attacks are aimed at."""

from __future__ import annotations

from tests.worker.builtin.operator import Connection


async def a_victim(db: Connection) -> dict[str, str]:
    """An execution that runs elsewhere, with a token that its worker issued; all rows of it, to be compared."""
    await db.execute(
        "INSERT INTO rowcall.schedules (name, task_type, schedule_type, scheduled_time, status)"
        " VALUES ('victim', 'other', 'one_time', now() + interval '1 day', 'PAUSED')"
    )
    await db.execute(
        "WITH worker AS (INSERT INTO rowcall.workers (name, host, pid, rowcall_version, slots, lease_seconds)"
        "                VALUES ('elsewhere', 'elsewhere', 1, '0', 1, 86400) RETURNING worker_id),"
        " run AS (INSERT INTO rowcall.schedule_executions"
        "        (execution_id, schedule_id, scheduled_for, executed_at, worker_id,"
        "         schedule_version, attempt, fence, priority, trigger, status, task_type, input_data)"
        "         SELECT 9999, s.schedule_id, now(), now(), worker_id, 1, 1, 1, 5, 'manual', 'RUNNING', 'other', '{}'"
        "           FROM rowcall.schedules AS s, worker WHERE s.name = 'victim' RETURNING *)"
        " INSERT INTO rowcall.open_executions"
        "        (execution_id, schedule_id, scheduled_for, worker_id, fence, priority, trigger, route)"
        " SELECT execution_id, schedule_id, scheduled_for, worker_id, 1, 5, 'manual', 'other' FROM run"
    )
    await db.execute(
        "INSERT INTO rowcall.run_tokens SELECT execution_id, fence, worker_id, sha256('stolen'), now()"
        "  FROM rowcall.open_executions WHERE execution_id = 9999"
    )
    return await state_of_victim(db)


async def state_of_victim(db: Connection) -> dict[str, str]:
    """Every row that tells of it."""
    return {
        "schedule": await db.fetchval("SELECT s::text FROM rowcall.schedules AS s WHERE name = 'victim'"),
        "execution": await db.fetchval(
            "SELECT e::text FROM rowcall.schedule_executions AS e WHERE execution_id = 9999"
        ),
        "open": await db.fetchval("SELECT o::text FROM rowcall.open_executions AS o WHERE execution_id = 9999"),
        "token": await db.fetchval("SELECT t::text FROM rowcall.run_tokens AS t WHERE execution_id = 9999"),
        "installation": await db.fetchval("SELECT i::text FROM rowcall.installation AS i"),
    }
