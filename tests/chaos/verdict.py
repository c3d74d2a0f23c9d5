"""What the chaos left: the audit, a check of the chain and of the effects that owes nothing to it, and the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from rowcall.store.auditing import AuditReport, audit
from rowcall.store.database import Database

BROKEN_LINKS = """
    SELECT count(*) FROM (
        SELECT covers_after, lag(scheduled_for) OVER (PARTITION BY schedule_id ORDER BY scheduled_for) AS before
          FROM rowcall.schedule_executions WHERE trigger = 'schedule') AS link
     WHERE covers_after IS DISTINCT FROM before
"""
DOUBLES = """
    SELECT count(*) FROM (
        SELECT FROM rowcall.schedule_executions WHERE trigger <> 'manual'
         GROUP BY schedule_id, scheduled_for HAVING count(*) > 1) AS double
"""
WITHOUT_EFFECT = """
    SELECT count(*) FROM rowcall.schedule_executions AS e
     WHERE e.task_type IN ('chaos-effect', 'chaos-once') AND e.status = 'SUCCEEDED'
       AND NOT EXISTS (SELECT FROM public.chaos_effects AS f WHERE f.execution_id = e.execution_id)
"""
EFFECTS_TOO_MANY = """
    SELECT count(*) FROM (
        SELECT f.execution_id
          FROM public.chaos_effects AS f
          LEFT JOIN rowcall.schedule_executions AS e ON e.execution_id = f.execution_id AND e.status = 'SUCCEEDED'
         WHERE f.kind = 'exactly once'
         GROUP BY f.execution_id HAVING count(*) > 1 OR count(e.execution_id) = 0) AS wrong
"""
SAME_FENCE_TWICE = """
    SELECT count(*) FROM (
        SELECT FROM public.chaos_effects GROUP BY execution_id, fence HAVING count(*) > 1) AS twice
"""
NUMBERS = """
    SELECT count(*) FILTER (WHERE trigger = 'schedule') AS occurrences,
           count(*) FILTER (WHERE trigger = 'manual') AS manual,
           count(*) FILTER (WHERE status = 'SUCCEEDED') AS succeeded,
           count(*) FILTER (WHERE status = 'FAILED') AS failed,
           count(*) FILTER (WHERE status = 'TIMED_OUT') AS timed_out,
           count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           count(*) FILTER (WHERE status = 'LOST') AS given_up,
           count(*) FILTER (WHERE status = 'SKIPPED') AS skipped,
           count(*) FILTER (WHERE status = 'MISSED') AS missed,
           count(*) FILTER (WHERE attempt > 1) AS retried,
           count(*) FILTER (WHERE errors @> '[{"status": "LOST"}]') AS recovered,
           count(*) FILTER (WHERE status IN ('QUEUED', 'RUNNING')) AS still_open
      FROM rowcall.schedule_executions
"""
LONGEST_RECOVERY = """
    SELECT max((entry ->> 'silent_seconds')::float8)
      FROM rowcall.schedule_executions CROSS JOIN LATERAL jsonb_array_elements(errors) AS entry
     WHERE entry ->> 'status' = 'LOST'
"""


@dataclass(slots=True)
class Verdict:
    """The figures, and what is wrong; nothing may be."""

    report: AuditReport
    numbers: Mapping[str, Any]
    wrong: dict[str, int] = field(default_factory=dict)
    longest_recovery_seconds: float | None = None

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing doubled, no effect too many, nothing left open."""
        return self.report.is_clean and not any(self.wrong.values()) and self.numbers["still_open"] == 0


async def judge(dsn: str) -> Verdict:
    """Look at everything, once all is quiet."""
    async with Database.open(dsn, timeout_seconds=120) as database:
        report = await audit(database)
    connection = await asyncpg.connect(dsn)
    try:
        numbers = await connection.fetchrow(NUMBERS)
        assert numbers is not None
        verdict = Verdict(report, dict(numbers))
        for name, query in (
            ("links of the chain broken", BROKEN_LINKS),
            ("occurrences doubled", DOUBLES),
            ("successes without their effect", WITHOUT_EFFECT),
            ("exactly-once effects too many", EFFECTS_TOO_MANY),
            ("effects of one attempt twice", SAME_FENCE_TWICE),
        ):
            verdict.wrong[name] = await connection.fetchval(query)
        verdict.longest_recovery_seconds = await connection.fetchval(LONGEST_RECOVERY)
    finally:
        await connection.close()
    return verdict


def table(verdict: Verdict, faults: Mapping[str, int]) -> str:
    """The verdict as a Markdown table."""
    rows = [("**faults injected**", sum(faults.values()))]
    rows += [(name, count) for name, count in sorted(faults.items())]
    rows += [(f"**{name.replace('_', ' ')}**", count) for name, count in verdict.numbers.items()]
    rows += [("**lost** (holes that the audit found)", len(verdict.report.findings))]
    rows += [(f"**{name}**", count) for name, count in verdict.wrong.items()]
    longest = verdict.longest_recovery_seconds
    lines = ["| | |", "|---|---:|", *(f"| {name} | {count} |" for name, count in rows)]
    lines.append(f"| **longest recovery** | {'none needed' if longest is None else f'{longest:.1f} s'} |")
    return "\n".join(lines)
