"""Cron text, read strictly: what Debian's cron would take, `L`, `5#2` and `H` besides, and nothing else.

croniter is generous with what it takes (six fields, `9-9` as a whole field, ten kilobytes), so nothing reaches it but
the numbers read here. What a field says beyond its numbers, whether it *starts with* a star above all, is kept beside
them, since days and clock changes hang on it.

Every fault is an InvalidInput for `cron_expression`, below 200 characters, that never echoes more than a few of the
characters given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rowcall.domain.errors import InvalidInput

from .slots import slot_of

LONGEST_TEXT = 400
FIELD_COUNT = 5
NTH_MAX = 5
LONGEST_QUOTE = 20

ALIASES: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What may stand in one field. `slot_high` is the top of a bare `H`: never a day that some months lack."""

    name: str
    low: int
    high: int
    slot_high: int
    names: Mapping[str, int] = field(default_factory=dict)


MINUTE = FieldRule("minute", 0, 59, 59)
HOUR = FieldRule("hour", 0, 23, 23)
DAY = FieldRule("day of month", 1, 31, 28)
MONTH = FieldRule("month", 1, 12, 12, {name: number for number, name in enumerate(MONTHS, 1)})
WEEKDAY = FieldRule("day of week", 0, 7, 6, {name: number for number, name in enumerate(WEEKDAYS)})
RULES = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)


@dataclass(frozen=True, slots=True)
class CronField:
    """One field: sorted `numbers` (Sunday is 0), `last` for `L`, nth weekdays as (weekday, n)."""

    numbers: tuple[int, ...] = ()
    starred: bool = False
    last: bool = False
    nth: tuple[tuple[int, int], ...] = ()

    def fills(self, size: int) -> bool:
        """Whether it matches all of its `size` values, however it was written."""
        return len(self.numbers) == size


@dataclass(frozen=True, slots=True)
class CronText:
    """A cron expression, read."""

    minute: CronField
    hour: CronField
    day: CronField
    month: CronField
    weekday: CronField


def parse(expression: object, slot_key: str = "") -> CronText:
    """Read a cron expression; `slot_key` is what an `H` in it is drawn from. Raises InvalidInput."""
    texts = _split(checked(expression))
    return CronText(*(_field(rule, text, slot_key) for rule, text in zip(RULES, texts, strict=True)))


def checked(expression: object) -> str:
    """The expression if it can be looked at safely: text, short, one line of ASCII. Raises InvalidInput."""
    if not isinstance(expression, str):
        raise _fault(f"text is needed, such as '0 9 * * *', not a {type(expression).__name__}")
    if len(expression) > LONGEST_TEXT:
        raise _fault(f"longer than {LONGEST_TEXT} characters ({len(expression)})")
    text = expression.replace("\t", " ")
    if not (text.isascii() and text.isprintable()):
        raise _fault("only plain ASCII on one line is read: no line breaks, no other digits than 0-9")
    return text.strip()


def uses_slots(expression: str) -> bool:
    """Whether the text holds an `H`, so that its meaning hangs on the schedule's client and name."""
    text = expression.upper()
    return "H" in text and any(_HASH.fullmatch(item) for part in text.split() for item in part.split(","))


def _split(text: str) -> list[str]:
    if not text:
        raise _fault("empty; five fields are needed: minute hour day-of-month month day-of-week")
    if text.startswith("@"):
        return _alias(text).split()
    texts = text.split()
    if len(texts) == FIELD_COUNT:
        return texts
    hint = "; seconds and years are given as cron_fields" if len(texts) in {FIELD_COUNT + 1, FIELD_COUNT + 2} else ""
    raise _fault(f"five fields are needed (minute hour day-of-month month day-of-week), not {len(texts)}{hint}")


def _alias(text: str) -> str:
    if text.lower() not in ALIASES:
        raise _fault(f"{shown(text)} is no alias; there are {' '.join(ALIASES)}")
    return ALIASES[text.lower()]


_NUMBER = r"[0-9]{1,4}"
_VALUE = rf"(?:{_NUMBER}|[A-Z]{{3}})"
_STAR = re.compile(rf"\*(?:/(?P<step>{_NUMBER}))?")
_RANGE = re.compile(rf"(?P<low>{_VALUE})(?:-(?P<high>{_VALUE})(?:/(?P<step>{_NUMBER}))?)?")
_HASH = re.compile(rf"H(?:\((?P<low>{_NUMBER})-(?P<high>{_NUMBER})\))?(?:/(?P<step>{_NUMBER}))?")
_NTH = re.compile(rf"(?P<day>{_VALUE})#(?P<n>[0-9])")


def _field(rule: FieldRule, text: str, slot_key: str) -> CronField:
    items = [_item(rule, item, slot_key) for item in text.upper().split(",")]
    return CronField(
        numbers=tuple(sorted({_folded(rule, number) for item in items for number in item.numbers})),
        starred=text.startswith("*"),
        last=any(item.last for item in items),
        nth=tuple(sorted({pair for item in items for pair in item.nth})),
    )


def _item(rule: FieldRule, item: str, slot_key: str) -> CronField:
    if match := _STAR.fullmatch(item):
        return _range(rule, rule.low, rule.high, match["step"])
    if match := _RANGE.fullmatch(item):
        low = _value(rule, match["low"])
        return _range(rule, low, low if match["high"] is None else _value(rule, match["high"]), match["step"], item)
    if match := _HASH.fullmatch(item):
        return _hash(rule, match, slot_key)
    if rule is WEEKDAY and (match := _NTH.fullmatch(item)):
        return _nth(rule, match)
    if rule is DAY and item == "L":
        return CronField(last=True)
    raise _fault(f"{rule.name}: {shown(item)} can't be read{_advice(rule, item)}")


def _range(rule: FieldRule, low: int, high: int, step: str | None, item: str = "") -> CronField:
    if low > high:
        raise _fault(f"{rule.name}: {shown(item)} runs backwards; write it as two ranges with a comma")
    return CronField(tuple(range(low, high + 1, _step(rule, step))))


def _hash(rule: FieldRule, match: re.Match[str], slot_key: str) -> CronField:
    low, high = rule.low, rule.slot_high
    if match["low"] is not None:
        low, high = _value(rule, match["low"]), _value(rule, match["high"])
    every = _range(rule, low, high, None, match[0]).numbers
    if match["step"] is None:
        return CronField((every[slot_of(slot_key, rule.name, len(every))],))
    step = min(_step(rule, match["step"]), len(every))
    return CronField(every[slot_of(slot_key, rule.name, step) :: step])


def _nth(rule: FieldRule, match: re.Match[str]) -> CronField:
    day, n = _folded(rule, _value(rule, match["day"])), int(match["n"])
    if not 1 <= n <= NTH_MAX:
        raise _fault(f"{rule.name}: {shown(match[0])} needs a number from 1 to {NTH_MAX} after the #")
    return CronField(nth=((day, n),))


def _folded(rule: FieldRule, number: int) -> int:
    return number % 7 if rule is WEEKDAY else number


def _value(rule: FieldRule, text: str) -> int:
    number = int(text) if text.isdigit() else rule.names.get(text.lower())
    if number is None:
        raise _fault(f"{rule.name}: {shown(text)} is no name known here")
    if not rule.low <= number <= rule.high:
        raise _fault(f"{rule.name}: {number} is outside {rule.low}-{rule.high}")
    return number


def _step(rule: FieldRule, text: str | None) -> int:
    step = 1 if text is None else int(text)
    if step == 0:
        raise _fault(f"{rule.name}: a step of 0 never moves")
    return step


def _advice(rule: FieldRule, item: str) -> str:
    if "/" in item and "-" not in item:
        return f"; a step needs a range before it: {shown(item.replace('/', f'-{rule.high}/', 1))}"
    if item == "?":
        return "; write * instead"
    return ""


def shown(text: str) -> str:
    """A quotation for a message: long enough to be recognised, too short to flood a log."""
    return repr(text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "...")


def _fault(message: str) -> InvalidInput:
    return InvalidInput.of("cron_expression", message)
