"""What a zone's clock changes do, each as a story with its instants written out.

New York    2026-03-08  02:00 -> 03:00 at 07:00Z      2026-11-01  02:00 -> 01:00 at 06:00Z
Lord Howe   2026-04-05  02:00 -> 01:30 at 15:00Z (04-04)
Troll       2027-03-28  01:00 -> 03:00 at 01:00Z
Apia        2011-12-30  does not exist; at 10:00Z the clock goes from 12-29 24:00 to 12-31 00:00
Casey       2018-03-11  04:00 -> 01:00 at 17:00Z (03-10)
Vostok      1994-02-01  00:00 -> 17:00 of the day before, at 17:00Z (01-31)
"""

from datetime import UTC, datetime

import pytest

from rowcall.domain.triggers import CronTrigger, occurrences_after

NEW_YORK, LORD_HOWE, TROLL, APIA = "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(expression: str, timezone: str, after: str, count: int = 1) -> list[str]:
    return [
        f"{moment:%m-%d %H:%M}" for moment in occurrences_after(CronTrigger(expression, timezone), at(after), count)
    ]


def test_a_fixed_time_runs_in_the_first_pass_only() -> None:
    assert following("30 1 * * *", NEW_YORK, "2026-11-01T05:00", 2) == ["11-01 05:30", "11-02 06:30"]
    assert following("30 1 * * *", NEW_YORK, "2026-11-01T05:30") == ["11-02 06:30"]


def test_a_fixed_time_asked_for_in_the_second_pass_waits_for_its_end() -> None:
    assert following("0,30 1,2 * * *", NEW_YORK, "2026-11-01T06:10") == ["11-01 07:00"]


def test_a_wildcard_job_runs_in_both_passes() -> None:
    assert following("30 * * * *", NEW_YORK, "2026-11-01T05:00", 3) == ["11-01 05:30", "11-01 06:30", "11-01 07:30"]
    assert following("*/30 1 * * *", NEW_YORK, "2026-11-01T05:00", 3) == ["11-01 05:30", "11-01 06:00", "11-01 06:30"]


def test_a_wildcard_job_follows_a_fold_of_half_an_hour() -> None:
    assert following("*/20 0-2 * * *", LORD_HOWE, "2026-04-04T14:20", 4) == [
        "04-04 14:40",
        "04-04 15:10",
        "04-04 15:30",
        "04-04 15:50",
    ]


def test_a_wildcard_job_skips_what_the_clock_skips() -> None:
    assert following("*/30 2 * * *", NEW_YORK, "2026-03-08T06:29") == ["03-09 06:00"]


def test_a_fixed_time_in_a_gap_runs_at_its_end() -> None:
    assert following("30 2 * * *", NEW_YORK, "2026-03-08T00:00", 2) == ["03-08 07:00", "03-09 06:30"]


def test_several_times_in_a_gap_run_once_together() -> None:
    assert following("15,30,45 2 * * *", NEW_YORK, "2026-03-08T00:00", 2) == ["03-08 07:00", "03-09 06:15"]


def test_a_time_in_the_gap_and_one_at_its_end_run_once_together() -> None:
    assert following("0 2,3 * * *", NEW_YORK, "2026-03-08T00:00", 2) == ["03-08 07:00", "03-09 06:00"]


def test_every_hour_written_out_is_fixed_times() -> None:
    assert following("30 0-23 * * *", NEW_YORK, "2026-03-08T06:30", 2) == ["03-08 07:00", "03-08 07:30"]


def test_a_gap_of_two_hours_is_still_made_up_for() -> None:
    assert following("30 2 * * *", TROLL, "2027-03-27T12:00", 2) == ["03-28 01:00", "03-29 00:30"]


def test_what_a_correction_of_the_clock_skips_is_lost() -> None:
    assert following("0 12 * * *", APIA, "2011-12-29T00:00", 2) == ["12-29 22:00", "12-30 22:00"]
    assert CronTrigger("0 12 30 12 *", APIA).next_after(at("2011-12-01T00:00")) == at("2012-12-29T22:00")


def test_a_clock_put_back_by_three_hours_repeats_no_fixed_time() -> None:
    assert following("30 2 * * *", "Antarctica/Casey", "2018-03-10T00:00", 2) == ["03-10 15:30", "03-11 18:30"]


def test_a_clock_put_back_by_more_is_a_correction_and_runs_again() -> None:
    assert following("0 20 * * *", "Antarctica/Vostok", "1994-01-31T00:00", 2) == ["01-31 13:00", "01-31 20:00"]


def test_midnight_that_does_not_exist_is_made_up_for() -> None:
    assert following("0 0 * * *", "America/Sao_Paulo", "2016-10-15T12:00", 2) == ["10-16 03:00", "10-17 02:00"]
    assert following("* 0 * * *", "America/Sao_Paulo", "2016-10-15T12:00") == ["10-17 02:00"]


def test_the_moment_of_the_change_itself_is_asked_about_precisely() -> None:
    assert following("30 2 * * *", NEW_YORK, "2026-03-08T06:59:59.999999") == ["03-08 07:00"]
    assert following("30 2 * * *", NEW_YORK, "2026-03-08T07:00:00") == ["03-09 06:30"]
    assert following("* * * * *", NEW_YORK, "2026-11-01T05:59:59") == ["11-01 06:00"]


def test_a_leading_star_makes_both_days_match() -> None:
    assert following("0 0 */2 * MON", "UTC", "2026-11-30T18:43") == ["12-07 00:00"]
    assert following("0 0 1-31/2 * MON", "UTC", "2026-11-30T18:43") == ["12-01 00:00"]


@pytest.mark.parametrize("timezone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"])
def test_the_calendar_ends_quietly(timezone: str) -> None:
    trigger = CronTrigger("0 * * * *", timezone)

    assert trigger.next_after(at("9999-12-29T22:10")) == at("9999-12-29T23:00")
    assert trigger.next_after(at("9999-12-31T23:59:59.999999")) is None
    assert CronTrigger("0 0 29 2 *", timezone).next_after(at("9997-01-01T00:00")) is None


@pytest.mark.parametrize("timezone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"])
def test_the_beginning_of_time_can_be_asked_about(timezone: str) -> None:
    found = CronTrigger("0 0 * * *", timezone).next_after(datetime.min.replace(tzinfo=UTC))

    assert found is not None
    assert found.year == 1


def test_a_moment_in_any_zone_is_the_same_moment() -> None:
    trigger = CronTrigger("0 9 * * *", "Europe/London")
    moment = datetime.fromisoformat("2026-07-01T09:30:00+05:30")

    found = trigger.next_after(moment)
    assert found is not None
    assert found == at("2026-07-01T08:00")
    assert found.tzinfo is UTC
