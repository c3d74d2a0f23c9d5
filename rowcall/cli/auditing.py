"""What ``rowcall audit`` does: checks that every occurrence is answered for exactly once, and names the holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.progress import Progress

from rowcall.domain.zones import tzdata_version
from rowcall.settings import Settings
from rowcall.store.auditing import AuditReport, audit
from rowcall.store.schedules import resolve_schedule

from .access import a_database
from .durations import moment_asked_for
from .exits import ExitCode
from .output import err, print_json, print_table, say

COLUMNS = ("SCHEDULE", "WHAT", "SINCE", "UNTIL", "DETAIL")


async def check_ledger(
    references: Sequence[str], client: str, since: str | None, until: str | None, *, as_json: bool
) -> ExitCode:
    """Audit the schedules named, or all; FAULT if something is wrong with one."""
    async with a_database(Settings.from_environment(), purpose="audit") as place:
        ids = [await resolve_schedule(place.database, client, reference) for reference in references]
        with Progress(console=err(), transient=True) as progress:
            bar = progress.add_task("audited", total=None)

            def told(so_far: AuditReport, total: int) -> None:
                rows = f"{so_far.schedules:,} schedules, {so_far.rows:,} rows"
                progress.update(bar, completed=so_far.schedules, total=total, description=rows)

            report = await audit(
                place.database,
                schedule_ids=ids or None,
                since=await moment_asked_for(place.database, since, "--since"),
                until=await moment_asked_for(place.database, until, "--until"),
                on_progress=told,
            )
    _tell(report, as_json=as_json)
    return ExitCode.OK if report.is_clean else ExitCode.FAULT


def _tell(report: AuditReport, *, as_json: bool) -> None:
    counted = f"{report.schedules:,} schedules and {report.rows:,} rows of the ledger"
    if as_json:
        for finding in report.findings:
            print_json(asdict(finding))
    elif report.findings:
        rows = [(f.schedule_name, f.kind, f.since, f.until, f.detail) for f in report.findings]
        print_table(COLUMNS, rows, empty="")
    if not report.zones_held:
        say(
            f"The time zone data here ({tzdata_version()}) is not that of the installation: of rules in time zones the "
            "chain was checked, and not whether their moments are right. `rowcall doctor` tells more."
        )
    if report.is_clean:
        say(f"{counted}: every occurrence is answered for exactly once.")
    else:
        say(f"{counted}: {len(report.findings)} faults.")
