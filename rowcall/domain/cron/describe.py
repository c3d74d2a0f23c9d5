"""Triggers in plain English.

The text given is never described as it stands, but what was understood of it: numbers. So a description can't say
"every 90 minutes" of `*/90` (which runs hourly) or "or" where a leading star makes it "and". Times of day are worded by
cron-descriptor, which is good at them; it takes the seconds first, unlike croniter. Days are worded here: it has no
words for days that must be two things at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from cron_descriptor import ExpressionDescriptor, Options

from .fields import LAST, RULES, FieldValues
from .grammar import CronText

WORDS = Options(locale_code="en_US", use_24hour_time_format=True)
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}
UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
LONGEST_LIST = 12
RANGES = re.compile(r"at (?=\d\d:\d\d through)")  # "at 09:00 through 09:59 and …": it is "from", then


def describe_cron(text: CronText) -> str:
    """A cron expression: `At 09:00, Monday to Friday`."""
    # Sunday is 0 in cron; it closes the week in a sentence.
    weekdays = sorted((number - 1) % 7 for number in text.weekday.numbers)
    month_days = _month_days(text.day.numbers, last=text.day.last, nth=())
    week_days = _week_days(weekdays, [(n, (day - 1) % 7) for day, n in text.weekday.nth])
    if text.day.starred or text.weekday.starred:
        days = _both(month_days, week_days)
    else:  # a day of month that says every day makes the other one idle
        days = f"{month_days} or {week_days}" if month_days and week_days else ""
    return _sentence(_time((0,), text.minute.numbers, text.hour.numbers), days, _months(text.month.numbers))


def describe_fields(values: dict[str, FieldValues]) -> str:
    """cron_fields, completed: `At 09:00, on Monday`."""
    day = values["day"]
    return _sentence(
        _time(values["second"].numbers, values["minute"].numbers, values["hour"].numbers),
        _both(_month_days(day.numbers, last=day.last, nth=day.nth), _week_days(values["day_of_week"].numbers, ())),
        _months(values["month"].numbers),
        _counted("in ISO week", values["week"].numbers, 53),
        _counted("in", values["year"].numbers, RULES["year"].high - RULES["year"].low + 1),
    )


def describe_interval(seconds: int) -> str:
    """A number of seconds: `Every hour and 30 minutes`."""
    parts, rest = [], seconds
    for unit, size in UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append((count, unit))
    worded = [f"{count} {unit}s" if count > 1 else f"1 {unit}" for count, unit in parts]
    if parts[0][0] == 1:
        worded[0] = parts[0][1]
    return f"Every {_joined(worded)}"


def describe_once(local: datetime) -> str:
    """One instant, given as the local time of its zone: `Once, on 31 January 2030 at 09:00:00`."""
    return f"Once, on {local.day} {MONTHS[local.month - 1]} {local.year} at {local:%H:%M:%S}"


def _sentence(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _both(month_days: str, week_days: str) -> str:
    if month_days and week_days:
        return f"{month_days}, if it falls {week_days}"
    return month_days or week_days


def _time(seconds: Sequence[int], minutes: Sequence[int], hours: Sequence[int]) -> str:
    prefix = "" if tuple(seconds) == (0,) else f"{_cron_text(seconds, 60)} "
    hour = _cron_text(hours, 24)
    if len(minutes) > 1 or len(seconds) > 1 or (prefix and len(hours) > 1):
        # Ranges, even of single hours: or it says "at 09:00 and 17:00" of every minute of these hours.
        hour = _cron_text(hours, 24, one=lambda hour: f"{hour}-{hour}")
    elif "," in hour:
        hour = ",".join(map(str, hours))  # or it says "00:00 through 05:59" of six full hours
    told = str(ExpressionDescriptor(f"{prefix}{_cron_text(minutes, 60)} {hour} * * *", WORDS).get_description())
    return RANGES.sub("from ", told)


def _cron_text(numbers: Sequence[int], size: int, one: Callable[[int], str] = str) -> str:
    """The numbers as cron text that means just them, whoever reads it: a step only where it divides the whole."""
    if len(numbers) == size:
        return "*"
    step = _even_step(numbers)
    if step and numbers[0] == 0 and size % step == 0 and len(numbers) == size // step:
        return f"*/{step}"
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else one(run[0]) for run in _runs(numbers))


def _month_days(numbers: Sequence[int], *, last: bool, nth: Iterable[tuple[int, int]]) -> str:
    """Words for days of the month; empty if every day is one."""
    if len(numbers) == 31:
        return ""
    parts = [f"on {_day_numbers(numbers)} of the month"] if numbers else []
    parts += _nth_days(nth)
    parts += ["on the last day of the month"] if last else []
    return " or ".join(parts)


def _day_numbers(numbers: Sequence[int]) -> str:
    step = _even_step(numbers)
    if step and len(numbers) > 3 and numbers[-1] + step > 31:  # it runs to the end of every month
        return f"every {_ordinal(step)} day from day {numbers[0]}"
    return f"day {_listed(numbers, str)}"


def _week_days(numbers: Sequence[int], nth: Iterable[tuple[int, int]]) -> str:
    """Words for weekdays (0 is Monday); empty if every day is one."""
    if len(numbers) == len(WEEKDAYS):
        return ""
    named = _listed(numbers, lambda number: WEEKDAYS[number]) if numbers else ""
    parts = [named if " to " in named else f"on {named}"] if named else []
    return " or ".join(parts + _nth_days(nth))


def _nth_days(nth: Iterable[tuple[int, int]]) -> list[str]:
    ordered = sorted(nth, key=lambda pair: (pair[0] == LAST, pair))
    return [f"on the {NTH[n]} {WEEKDAYS[weekday]} of the month" for n, weekday in ordered]


def _months(numbers: Sequence[int]) -> str:
    return "" if len(numbers) == len(MONTHS) else f"in {_listed(numbers, lambda number: MONTHS[number - 1])}"


def _counted(what: str, numbers: Sequence[int], size: int) -> str:
    return "" if len(numbers) == size else f"{what} {_listed(numbers, str)}"


def _listed(numbers: Sequence[int], word: Callable[[int], str]) -> str:
    """`1, 3 and 5 to 9`; a list too long to be read is cut in the middle."""
    parts = [
        part
        for run in _runs(numbers)
        for part in ([f"{word(run[0])} to {word(run[-1])}"] if len(run) > 2 else [word(number) for number in run])
    ]
    if len(parts) > LONGEST_LIST:
        parts = [*parts[: LONGEST_LIST - 2], f"… ({len(parts) - LONGEST_LIST + 1} more)", parts[-1]]
    return _joined(parts)


def _runs(numbers: Sequence[int]) -> list[range]:
    """The numbers, which ascend, as stretches without a hole."""
    runs = [range(numbers[0], numbers[0] + 1)]
    for number in numbers[1:]:
        if number == runs[-1].stop:
            runs[-1] = range(runs[-1].start, number + 1)
        else:
            runs.append(range(number, number + 1))
    return runs


def _even_step(numbers: Sequence[int]) -> int:
    """The distance between numbers that are all equally far apart, above 1; else 0."""
    steps = {after - before for before, after in pairwise(numbers)}
    step = steps.pop() if len(steps) == 1 else 0
    return step if step > 1 else 0


def _joined(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _ordinal(number: int) -> str:
    if number % 100 in range(11, 14):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
