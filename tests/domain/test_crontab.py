"""Crontabs as Debian's cron reads them: what is taken over, and why the rest is not."""

import pytest

from rowcall.domain.crontab import Job, read_crontab


def only_job(text: str, *, with_users: bool = False) -> Job:
    crontab = read_crontab(text, with_users=with_users)
    assert crontab.lost == []
    [job] = crontab.jobs
    return job


def why_not(line: str) -> str:
    crontab = read_crontab(line)
    assert crontab.jobs == []
    [(number, reason)] = crontab.lost
    assert number == 1
    return reason


@pytest.mark.parametrize(
    ("line", "expression", "command"),
    [
        ("30 1 * * * dump", "30 1 * * *", "dump"),
        ("  30\t1  * * *\tdump --all  ", "30 1 * * *", "dump --all"),
        ("*/5,59 0-23/2 1,15 jan-MAR Mon-fri x", "*/5,59 0-23/2 1,15 jan-MAR Mon-fri", "x"),
        ("0 0 * * 5-7 x", "0 0 * * 5-7", "x"),
        ("@daily x y", "@daily", "x y"),
        ("@MIDNIGHT x", "@MIDNIGHT", "x"),
        (r"0 5 * * * date +\%F", "0 5 * * *", "date +%F"),
        ("0 5 * * * A=1 run # not a comment", "0 5 * * *", "A=1 run # not a comment"),
        ("0 0 * * * echo L#H", "0 0 * * *", "echo L#H"),
    ],
)
def test_a_job_is_its_rule_and_its_command(line: str, expression: str, command: str) -> None:
    job = only_job(line)
    assert (job.expression, job.command, job.user, job.timezone) == (expression, command, None, None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("@reboot x", "names no time"),
        ("@every_minute x", "is no alias of Debian's cron"),
        ("5/15 * * * * x", "a step needs a range before it"),
        ("0 22-4 * * * x", "runs backwards"),
        ("0 0 * * mon-sun x", "runs backwards"),
        ("61 * * * * x", "outside 0-59"),
        ("0 0 30 2 * x", "no date"),
        ("0 0 L * * x", "mean nothing to Debian's cron"),
        ("0 0 * * 5#2 x", "mean nothing to Debian's cron"),
        ("H 3 * * * x", "mean nothing to Debian's cron"),
        ("0~30 3 * * * x", "can't be read"),
        ("-5 3 * * * x", "can't be read"),
        ("0 9 * * * mail ada%Hello", "was its standard input"),
        ("0 9 * * *", "a command behind them"),
        ("@daily", "a command behind them"),
        ("nonsense", "five fields or an alias"),
    ],
)
def test_what_could_run_at_another_time_than_before_is_not_taken_over(line: str, words: str) -> None:
    assert words in why_not(line)


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\r", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_a_line_ends_where_cron_ends_it(mark: str) -> None:
    crontab = read_crontab(f"# see below{mark}0 3 * * * rm -rf /tmp/x\n0 4 * * * say a{mark}b\r\n")
    assert [(job.line, job.command) for job in crontab.jobs] == [(2, f"say a{mark}b")]
    assert crontab.lost == []


def test_only_spaces_and_tabs_are_blanks() -> None:
    assert "only plain ASCII" in why_not("0 3 * *\x0c* * x")
    assert "five fields" in why_not("0\x0c3\x0c*\x0c*\x0c*\x0cx")
    assert "five fields" in why_not("\xa0# a remark")


def test_variables_hold_for_the_lines_below_them() -> None:
    crontab = read_crontab("0 1 * * * a\nPATH = /bin\n'GREETING'=\"hello there \"\n0 2 * * * b\nPATH=\n0 3 * * * c\n")
    assert [dict(job.environment) for job in crontab.jobs] == [
        {}, {"PATH": "/bin", "GREETING": "hello there "}, {"PATH": "", "GREETING": "hello there "}
    ]  # fmt: skip


def test_what_cron_does_with_variables_and_is_not_done_here_is_told() -> None:
    crontab = read_crontab('MAILTO=""\nMAILTO=ops\nTZ=Asia/Tokyo\nCRON_TZ=Europe/London\nCRON_TZ=Nowhere\n0 1 * * * a')
    assert [(line, note.partition(":")[0]) for line, note in crontab.notes] == [
        (2, "MAILTO"),
        (3, "TZ"),
        (4, "CRON_TZ"),
    ]
    assert [line for line, _ in crontab.lost] == [5]
    [job] = crontab.jobs
    assert (job.timezone, dict(job.environment)) == ("Europe/London", {"TZ": "Asia/Tokyo"})


def test_a_system_crontab_names_a_user_before_each_command() -> None:
    job = only_job("17 *\t* * *\troot\tcd / && run-parts /etc/cron.hourly", with_users=True)
    assert (job.user, job.command) == ("root", "cd / && run-parts /etc/cron.hourly")
    assert read_crontab("0 1 * * * root", with_users=True).lost


def test_the_remark_above_a_job_is_kept_and_the_headings_are_not() -> None:
    crontab = read_crontab("# m h  dom mon dow   command\n0 1 * * * a\n# Nightly\n0 2 * * * b\n\n# x\n\n0 3 * * * c\n")
    assert [job.remark for job in crontab.jobs] == [None, "Nightly", None]


def test_names_come_from_programs_and_stay_when_lines_are_moved() -> None:
    lines = ["0 1 * * * /srv/sync --all", "0 2 * * * X=1 /srv/sync --some", "0 3 * * * /opt/dump.sh", "0 4 * * * 7/"]
    names = {job.command: job.name for job in read_crontab("\n".join(lines)).jobs}
    assert names == {job.command: job.name for job in read_crontab("\n".join(reversed(lines))).jobs}
    assert len(set(names.values())) == 4
    assert (names["/opt/dump.sh"], names["7/"]) == ("dump.sh", "job-7")
    twice = [job.name for job in read_crontab("0 1 * * * a\n0 1 * * * a\n").jobs]
    assert len(set(twice)) == 2
