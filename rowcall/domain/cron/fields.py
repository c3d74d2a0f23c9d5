"""cron_fields: `second minute hour day month day_of_week week year`, with APScheduler's meaning.

All fields given must match. What is finer than the finest field given is at its minimum (`{"hour": 9}` is 09:00:00,
once a day); every other field is `*`. In order of fineness: year month day week day_of_week hour minute second, where
week and day_of_week have no minimum of their own. day_of_week 0 is Monday; week is the ISO week.

Clock changes are met as by cron text: if hour, minute or second starts with `*`, or is left to be `*`, the schedule
follows the clock; otherwise its times are fixed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rowcall.domain.errors import Fault, InvalidInput

from .grammar import MONTHS, FieldRule, shown

FieldTexts = tuple[tuple[str, str], ...]

LONGEST_TEXT = 100
LAST = -1
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

RULES: Mapping[str, FieldRule] = {
    "year": FieldRule("year", 1970, 9000, 9000),  # as of all moments that people may give
    "month": FieldRule("month", 1, 12, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    "day": FieldRule("day", 1, 31, 31),
    "week": FieldRule("week", 1, 53, 53),
    "day_of_week": FieldRule("day_of_week", 0, 6, 6, {name: number for number, name in enumerate(WEEKDAYS)}),
    "hour": FieldRule("hour", 0, 23, 23),
    "minute": FieldRule("minute", 0, 59, 59),
    "second": FieldRule("second", 0, 59, 59),
}
NO_MINIMUM = frozenset({"week", "day_of_week"})
ORDINALS: Mapping[str, int] = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "last": LAST}


@dataclass(frozen=True, slots=True)
class FieldValues:
    """What one field matches: sorted `numbers`; of days also the `last`, and (n, weekday) with -1 for the last one."""

    numbers: tuple[int, ...] = ()
    starred: bool = False
    last: bool = False
    nth: frozenset[tuple[int, int]] = frozenset()


def texts_of(fields: Mapping[str, object]) -> FieldTexts:
    """The fields given as sorted pairs of name and text. None counts as not given. Raises InvalidInput."""
    if not isinstance(fields, Mapping):
        raise InvalidInput.of("cron_fields", f"an object of fields is needed, not a {type(fields).__name__}")
    if len(fields) > len(RULES):
        raise InvalidInput.of("cron_fields", f"at most {len(RULES)} fields: {' '.join(RULES)}")
    faults = [fault for name, value in fields.items() if (fault := _misfit(name, value))]
    if faults:
        raise InvalidInput(faults)
    texts = {name: str(value).strip().lower() for name, value in fields.items() if value is not None}
    if not texts:
        raise InvalidInput.of("cron_fields", f"at least one field is needed, of {' '.join(RULES)}")
    return tuple(sorted(texts.items()))


def values_of(texts: FieldTexts) -> dict[str, FieldValues]:
    """What every field matches, those left out included. Raises InvalidInput with a fault for each bad field."""
    faults: list[Fault] = []
    values: dict[str, FieldValues] = {}
    for name, text in completed(texts).items():
        try:
            values[name] = _values(RULES[name], text)
        except InvalidInput as invalid:
            faults += invalid.faults
    if faults:
        raise InvalidInput(faults)
    return values


def completed(texts: FieldTexts) -> dict[str, str]:
    """The text of every field: as given, or the default that its place gives it."""
    given = dict(texts)
    finest = max(list(RULES).index(name) for name in given)
    return {
        name: given.get(name, "*" if place < finest or name in NO_MINIMUM else str(rule.low))
        for place, (name, rule) in enumerate(RULES.items())
    }


def _misfit(name: object, value: object) -> Fault | None:
    if not isinstance(name, str) or name not in RULES:
        return Fault("cron_fields", f"{shown(str(name))} is no field; there are {' '.join(RULES)}")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | str)):
        return Fault(f"cron_fields.{name}", f"a number or text is needed, not a {type(value).__name__}")
    if isinstance(value, str) and (len(value) > LONGEST_TEXT or not (value.isascii() and value.isprintable())):
        return Fault(f"cron_fields.{name}", f"only plain ASCII on one line is read, up to {LONGEST_TEXT} characters")
    if isinstance(value, int) and not RULES[name].low <= value <= RULES[name].high:
        return Fault(f"cron_fields.{name}", f"outside {RULES[name].low}-{RULES[name].high}")
    return None


_VALUE = r"(?:[0-9]{1,4}|[a-z]{3})"
_STAR = re.compile(r"\*(?:/(?P<step>[0-9]{1,4}))?")
_RANGE = re.compile(rf"(?P<low>{_VALUE})(?:-(?P<high>{_VALUE}))?(?:/(?P<step>[0-9]{{1,4}}))?")
_NTH = re.compile(r"(?P<n>1st|2nd|3rd|4th|5th|last) +(?P<weekday>[a-z]{3})")


def _values(rule: FieldRule, text: str) -> FieldValues:
    items = [_item(rule, item.strip()) for item in text.split(",")]
    return FieldValues(
        numbers=tuple(sorted({number for item in items for number in item.numbers})),
        starred=text.startswith("*"),
        last=any(item.last for item in items),
        nth=frozenset(pair for item in items for pair in item.nth),
    )


def _item(rule: FieldRule, item: str) -> FieldValues:
    if match := _STAR.fullmatch(item):
        return _range(rule, rule.low, rule.high, match["step"])
    if match := _RANGE.fullmatch(item):
        low = _value(rule, match["low"])
        # APScheduler reads 5/15 as from 5 on, every 15.
        alone = low if match["step"] is None else rule.high
        return _range(rule, low, alone if match["high"] is None else _value(rule, match["high"]), match["step"], item)
    if rule.name == "day" and (match := _NTH.fullmatch(item)):
        return _nth(rule, match)
    if rule.name == "day" and item == "last":
        return FieldValues(last=True)
    raise _fault(rule, f"{shown(item)} can't be read")


def _range(rule: FieldRule, low: int, high: int, step: str | None, item: str = "") -> FieldValues:
    if low > high:
        raise _fault(rule, f"{shown(item)} runs backwards; write it as two ranges with a comma")
    return FieldValues(tuple(range(low, high + 1, _step(rule, step))))


def _nth(rule: FieldRule, match: re.Match[str]) -> FieldValues:
    weekday = RULES["day_of_week"].names.get(match["weekday"])
    if weekday is None:
        raise _fault(rule, f"{shown(match['weekday'])} is no weekday")
    return FieldValues(nth=frozenset({(ORDINALS[match["n"]], weekday)}))


def _value(rule: FieldRule, text: str) -> int:
    number = int(text) if text.isdigit() else rule.names.get(text)
    if number is None:
        raise _fault(rule, f"{shown(text)} is no name known here")
    if not rule.low <= number <= rule.high:
        raise _fault(rule, f"{number} is outside {rule.low}-{rule.high}")
    return number


def _step(rule: FieldRule, text: str | None) -> int:
    step = 1 if text is None else int(text)
    if step == 0:
        raise _fault(rule, "a step of 0 never moves")
    return step


def _fault(rule: FieldRule, message: str) -> InvalidInput:
    return InvalidInput.of(f"cron_fields.{rule.name}", message)
