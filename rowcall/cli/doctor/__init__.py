"""What can be wrong with an installation: each thing is looked at by one function, and told as a finding.

findings.py   a finding: ok, warn or fail, and what to do
settings.py   the environment, and the embedded server's folder
server.py     PostgreSQL: does it answer, which one is it, its schema, its clock
work.py       who works, what nobody can run, what is overdue, the days ahead
doors.py      API keys, what signs webhooks, and those that nobody took
"""

from __future__ import annotations

from rowcall.cli.access import Schema, a_database, check_database_is_meant
from rowcall.cli.exits import ExitCode
from rowcall.cli.output import print_json, print_table, say
from rowcall.domain.errors import InvalidInput, RowcallError
from rowcall.settings import Settings

from .doors import look_at_doors
from .findings import Finding, State
from .server import look_at_server
from .settings import look_at_folder, look_at_settings
from .work import look_at_work


async def examine(*, as_json: bool) -> ExitCode:
    """Look at everything that can be looked at; FAULT if something is wrong. A warning is no fault."""
    findings = await _findings()
    failed = sum(finding.state is State.FAIL for finding in findings)
    if as_json:
        for finding in findings:
            print_json({"check": finding.check, "state": finding.state, "found": finding.found, "to_do": finding.to_do})
    else:
        rows = [(finding.check, finding.state, finding.found, finding.to_do or "") for finding in findings]
        print_table(("CHECK", "STATE", "FOUND", "WHAT TO DO"), rows, empty="")
        say("Nothing is wrong." if not failed else f"{failed} of {len(findings)} checks failed.")
    return ExitCode.FAULT if failed else ExitCode.OK


async def _findings() -> list[Finding]:
    try:
        settings = Settings.from_environment()
    except InvalidInput as fault:
        return [Finding.fail("settings", f"{f.field}: {f.message}", "correct or unset it") for f in fault.faults]
    check_database_is_meant(settings, "doctor")
    findings = [look_at_settings(settings)]
    if settings.database_url is None:
        folder, is_there = look_at_folder(settings)
        findings.append(folder)
        if not is_there:
            return findings
    try:
        async with a_database(settings, purpose="doctor", schema=Schema.LEAVE, say=say) as place:
            findings += await look_at_server(place, settings)
            if not any(finding.state is State.FAIL for finding in findings):
                findings += await look_at_work(place.database, settings)
                findings += await look_at_doors(place.database, settings)
    except RowcallError as fault:
        to_do = "check DATABASE_URL" if settings.database_url else f"look into {settings.data_folder / 'log'}"
        findings.append(Finding.fail("database", str(fault), to_do))
    return findings
