"""What a statement reads to give its answer, by PostgreSQL's own account."""

from __future__ import annotations

import json
from typing import Any

from rowcall.store.sessions import sql
from tests.store.stories import Connection


async def rows_read(db: Connection, name: str, *arguments: Any) -> int:
    """The rows that the scans of a statement read, those that a filter dropped included."""
    return _rows_of_scans(await _plan_of(db, name, *arguments))


async def pages_visited(db: Connection, name: str, *arguments: Any) -> int:
    """How often a statement turned to a page: what it stepped over because it is dead counts as all else does."""
    plan = await _plan_of(db, name, *arguments)
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


async def _plan_of(db: Connection, name: str, *arguments: Any) -> dict[str, Any]:
    kinds = ", ".join(kind.name for kind in (await db.prepare(sql(name))).get_parameters())
    await db.execute(f"PREPARE explained ({kinds}) AS {sql(name)}")
    given = ", ".join(_literal(value) for value in arguments)
    [[plan]] = await db.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE explained ({given})")
    await db.execute("DEALLOCATE explained")
    top: dict[str, Any] = json.loads(plan)[0]["Plan"]
    return top


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return "'{" + ",".join(map(str, value)) + "}'"
    return f"'{value}'"


def _rows_of_scans(node: dict[str, Any]) -> int:
    own = 0
    if "Relation Name" in node:
        own = int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    return own + sum(_rows_of_scans(inner) for inner in node.get("Plans", []))
