"""A crontab, read as Debian's cron reads it: its jobs, and what of it has no place here, each with its line.

Nothing is taken over that could run at another time than before. What programs called cron read differently, or not at
all (`5/15`, `L`, `H`), is told of instead.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .cron.grammar import ALIASES
from .errors import InvalidInput
from .triggers import describe_trigger
from .zones import zone_names

BLANKS = " \t"
"""What cron takes for blanks; other characters that Python counts among them, it reads as any letter."""

_SETTING = re.compile(
    r"""[ \t]*(?P<quote>["']?)(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P=quote)[ \t]*=[ \t]*(?P<value>.*?)[ \t]*"""
)
_TIMED = re.compile(r"[ \t]*(?P<when>@[^ \t]+|[^ \t]+(?:[ \t]+[^ \t]+){4})(?:[ \t]+(?P<rest>.*))?")
_OURS_ALONE = re.compile(r"(?:^|[\s,])[Ll](?=$|[\s,])|#|(?:^|[\s,])[Hh](?=$|[\s,(/])")
_BARE_PERCENT = re.compile(r"(?<!\\)%")


@dataclass(frozen=True, slots=True)
class Job:
    """A line that can be taken over. `environment` is what the lines above it set for its command."""

    line: int
    expression: str
    command: str
    user: str | None
    timezone: str | None
    environment: Mapping[str, str]
    remark: str | None = None
    name: str = ""


@dataclass(slots=True)
class Crontab:
    """What a crontab holds. `lost` are lines that can't be taken over, `notes` what will be otherwise than before."""

    jobs: list[Job] = field(default_factory=list)
    lost: list[tuple[int, str]] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)


def read_crontab(text: str, *, with_users: bool = False) -> Crontab:
    """Read a crontab; `with_users` where a user stands before each command, as in /etc/crontab and /etc/cron.d."""
    crontab = Crontab()
    environment: dict[str, str] = {}
    timezone: str | None = None
    remark: str | None = None
    for number, ended in enumerate(text.split("\n"), 1):
        line = ended.removesuffix("\r")
        if not line.strip(BLANKS) or line.lstrip(BLANKS).startswith("#"):
            remark = _remark(line)
        elif (setting := _SETTING.fullmatch(line)) is not None:
            name, value = setting["name"], _unquoted(setting["value"])
            environment[name] = value
            timezone = _zone_set(crontab, number, value, timezone) if name == "CRON_TZ" else timezone
            crontab.notes += [(number, note) for note in _notes_of_setting(name, value)]
            remark = None
        else:
            _read_job(crontab, number, line, environment, timezone, remark, with_users=with_users)
            remark = None
    crontab.jobs = list(_named(crontab.jobs))
    return crontab


def _read_job(
    crontab: Crontab,
    number: int,
    line: str,
    environment: Mapping[str, str],
    timezone: str | None,
    remark: str | None,
    *,
    with_users: bool,
) -> None:
    timed = _TIMED.fullmatch(line)
    command = (timed["rest"] or "").strip(BLANKS) if timed is not None else ""
    user = None
    if with_users:
        user, command = (*command.split(maxsplit=1), "", "")[:2]
    if timed is None or not command:
        crontab.lost.append((number, "five fields or an alias, and a command behind them, are needed"))
        return
    expression = " ".join(re.split("[ \t]+", timed["when"]))
    reason = _why_not(expression, command)
    if reason is not None:
        crontab.lost.append((number, reason))
        return
    known = {name: value for name, value in environment.items() if name not in {"MAILTO", "MAILFROM", "CRON_TZ"}}
    whole = command.replace("\\%", "%")
    crontab.jobs.append(Job(number, expression, whole, user, timezone, known, remark))


def _why_not(expression: str, command: str) -> str | None:
    """Why a line can't be taken over; None where it can."""
    if expression.lower() == "@reboot":
        return "@reboot names no time; what has to run when a machine starts belongs to that machine's own services"
    if expression.startswith("@") and expression.lower() not in ALIASES:
        return f"{expression[:30]} is no alias of Debian's cron; there are {' '.join(ALIASES)}"
    if _OURS_ALONE.search(expression) and not expression.startswith("@"):
        return f"{expression[:60]!r}: L, # and H mean nothing to Debian's cron; create it by hand if that is meant"
    if _BARE_PERCENT.search(command):
        return "% ends the command, and what follows it was its standard input; put both into a script"
    try:
        describe_trigger(schedule_type="cron", cron_expression=expression)
    except InvalidInput as fault:
        told = "; ".join(each.message for each in fault.faults)
        return f"{told} (programs called cron read this differently, or skip it in silence)"
    return None


def _remark(line: str) -> str | None:
    """What a line above a job says of it; the usual line of headings says nothing."""
    text = line.strip(" \t#")
    return None if not text or re.match(r"m\s+h\s+dom\b", text) else text


def _zone_set(crontab: Crontab, number: int, value: str, present: str | None) -> str | None:
    if value in zone_names():
        return value
    crontab.lost.append((number, f"CRON_TZ: no zone is called {value[:60]!r}"))
    return present


def _notes_of_setting(name: str, value: str) -> Iterator[str]:
    match name:
        case "MAILTO" | "MAILFROM":
            if value:
                yield f"{name}: output is kept with each execution, and mailed to nobody; failures: callback_url"
        case "CRON_TZ":
            if value in zone_names():
                yield f"CRON_TZ: the lines below are read in {value}, as cronie does; Debian's cron keeps to local time"
        case "TZ":
            yield "TZ: is handed to the commands, as in cron; it does not change when they run"


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]
    return value[1:-1] if quoted else value


def _named(jobs: Sequence[Job]) -> Iterator[Job]:
    """Names from the commands; where several would have one, each gets a part of its own that stays."""
    names = [_slug(job.command) for job in jobs]
    counts = Counter(names)
    seen: Counter[str] = Counter()
    for job, name in zip(jobs, names, strict=True):
        if counts[name] > 1:
            own = hashlib.sha256(f"{job.expression}\n{job.user}\n{job.command}".encode()).hexdigest()[:6]
            name = f"{name}-{own}"  # noqa: PLW2901 - the same name, told apart
        seen[name] += 1
        yield replace(job, name=name if seen[name] == 1 else f"{name}-{seen[name]}")


def _slug(command: str) -> str:
    """The program that a command calls, as a name: `/usr/bin/pg_dump -Fc shop` is pg_dump."""
    words = [word for word in command.split() if not re.match(r"[A-Za-z_][A-Za-z0-9_]*=", word)]
    program = words[0].rstrip("/").rpartition("/")[2] if words else ""
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", program).strip("-.")[:60]
    return f"job-{slug}" if not slug or slug.isdigit() else slug
