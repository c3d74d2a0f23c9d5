"""Cron text, read strictly: what Debian's cron would take, `L`, `5#2` and `H` besides, and nothing else.

croniter is generous with what it takes (six fields, `9-9` as a whole field, ten kilobytes), so nothing reaches it but the
normal form made here: numbers only. What a field says beyond its numbers, whether it *starts with* a star above all,
is kept beside them, since days and clock changes hang on it.

Every fault is an InvalidInput for `cron_expression`, below 200 characters, that never echoes more than a few of the
characters given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..errors import InvalidInput
from .slots import slot_of

LONGEST_TEXT = 400
FIELD_COUNT = 5
NTH_MAX = 5

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
    """One field in normal form: sorted `numbers` (Sunday is 0), nth weekdays as (weekday, n), `last` for `L`."""

    text: str
    numbers: tuple[int, ...]
    starred: bool
    last: bool = False
    nth: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class CronText:
    """A cron expression in normal form."""

    minute: CronField
    hour: CronField
    day: CronField
    month: CronField
    weekday: CronField

    @property
    def text(self) -> str:
        """The five fields, readable: no names, no alias, no `9-9`, `H` replaced by its slot."""
        return " ".join(part.text for part in (self.minute, self.hour, self.day, self.month, self.weekday))


def parse(expression: object, slot_key: str = "") -> CronText:
    """Read a cron expression; `slot_key` is what an `H` in it is drawn from. Raises InvalidInput."""
    texts = _split(_checked(expression))
    return CronText(*(_field(rule, text, slot_key) for rule, text in zip(RULES, texts, strict=True)))


def uses_slots(expression: str) -> bool:
    """Whether the text holds an `H`, so that its meaning hangs on the schedule's client and name."""
    return any(_HASH.fullmatch(item) for part in expression.upper().split() for item in part.split(","))


def _checked(expression: object) -> str:
    if not isinstance(expression, str):
        raise _fault(f"text is needed, such as '0 9 * * *', not a {type(expression).__name__}")
    if len(expression) > LONGEST_TEXT:
        raise _fault(f"longer than {LONGEST_TEXT} characters ({len(expression)})")
    if not expression.isascii() or any(not (sign.isprintable() or sign == "\t") for sign in expression):
        raise _fault("only plain ASCII on one line is read: no line breaks, no other digits than 0-9")
    return expression.replace("\t", " ").strip()


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
        raise _fault(f"{_shown(text)} is no alias; there are {' '.join(ALIASES)}")
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
        text=",".join(item.text for item in items),
        numbers=tuple(sorted({number for item in items for number in item.numbers})),
        starred=text.startswith("*"),
        last=any(item.last for item in items),
        nth=tuple(sorted({pair for item in items for pair in item.nth})),
    )


def _item(rule: FieldRule, item: str, slot_key: str) -> CronField:
    if item == "L" and rule is DAY:
        return CronField("L", (), starred=False, last=True)
    for pattern, read in _ITEMS:
        if (match := pattern.fullmatch(item)) and (pattern is not _NTH or rule is WEEKDAY):
            return read(rule, match, slot_key)
    raise _fault(f"{rule.name}: {_shown(item)} can't be read{_advice(rule, item)}")


def _star(rule: FieldRule, match: re.Match[str], slot_key: str) -> CronField:  # noqa: ARG001 (one signature for all)
    step = _step(rule, match["step"])
    high = min(rule.high, 6) if rule is WEEKDAY else rule.high
    return CronField("*" if step == 1 else f"*/{step}", tuple(range(rule.low, high + 1, step)), starred=True)


def _range(rule: FieldRule, match: re.Match[str], slot_key: str) -> CronField:  # noqa: ARG001
    low = _value(rule, match["low"])
    if match["high"] is None:
        return _numbers(rule, str(_folded(rule, low)), [low])
    high, step = _value(rule, match["high"]), _step(rule, match["step"])
    if low > high:
        raise _fault(f"{rule.name}: {_shown(match[0])} runs backwards; write it as two ranges with a comma")
    if low == high:
        return _numbers(rule, str(_folded(rule, low)), [low])
    return _numbers(rule, f"{low}-{high}" + (f"/{step}" if step > 1 else ""), range(low, high + 1, step))


def _hash(rule: FieldRule, match: re.Match[str], slot_key: str) -> CronField:
    low, high = rule.low, rule.slot_high
    if match["low"] is not None:
        low, high = _value(rule, match["low"]), _value(rule, match["high"])
    if low > high:
        raise _fault(f"{rule.name}: {_shown(match[0])} runs backwards")
    size = high - low + 1
    if match["step"] is None:
        numbers = [low + slot_of(slot_key, rule.name, size)]
    else:
        step = min(_step(rule, match["step"]), size)
        numbers = list(range(low + slot_of(slot_key, rule.name, step), high + 1, step))
    return _numbers(rule, ",".join(str(number) for number in numbers), numbers)


def _nth(rule: FieldRule, match: re.Match[str], slot_key: str) -> CronField:  # noqa: ARG001
    day, n = _folded(rule, _value(rule, match["day"])), int(match["n"])
    if not 1 <= n <= NTH_MAX:
        raise _fault(f"{rule.name}: {_shown(match[0])} needs a number from 1 to {NTH_MAX} after the #")
    return CronField(f"{day}#{n}", (), starred=False, nth=((day, n),))


_Reader = Callable[[FieldRule, "re.Match[str]", str], CronField]
_ITEMS: tuple[tuple[re.Pattern[str], _Reader], ...] = ((_STAR, _star), (_RANGE, _range), (_HASH, _hash), (_NTH, _nth))


def _numbers(rule: FieldRule, text: str, numbers: range | list[int]) -> CronField:
    return CronField(text, tuple(_folded(rule, number) for number in numbers), starred=False)


def _folded(rule: FieldRule, number: int) -> int:
    return number % 7 if rule is WEEKDAY else number


def _value(rule: FieldRule, text: str) -> int:
    number = int(text) if text.isdigit() else rule.names.get(text.lower())
    if number is None:
        raise _fault(f"{rule.name}: {_shown(text)} is no name known here")
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
        return f"; a step needs a range before it: {_shown(item.replace('/', f'-{rule.high}/', 1))}"
    if item == "?":
        return "; write * instead"
    return ""


def _shown(text: str) -> str:
    return repr(text if len(text) <= 20 else text[:17] + "...")  # noqa: PLR2004 (long enough to recognise, too short to flood)


def _fault(message: str) -> InvalidInput:
    return InvalidInput.of("cron_expression", message)
