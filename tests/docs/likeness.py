"""Whether a command said what the page says it does, up to what is different every time.

`…` stands for anything on its line, on a line of its own for any lines, and in JSON for whatever fields are left out.
JSON is compared as data, however it is broken into lines. Spaces count as one, as do the dashes below a table's head.
"""

from __future__ import annotations

import difflib
import json
import re
import socket
from typing import Any

ANY = "…"
_SPAN = r"\d+(?:\.\d+)?(?:e[+-]\d+)? (?:ms|s|min|h|d)\b(?: \d+ (?:s|min|h)\b)?"
_MOMENT = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?"
_CHANGING = (
    (rf"in {_SPAN}|{_SPAN} ago", "<away>"),
    (_SPAN, "<span>"),
    (r'("\w*(?:duration|elapsed|due|for)_seconds": )[0-9.e-]+', r"\1<number>"),
    (r"\b\d+\.\d{3,}\b", "<number>"),
    (r"\b[0-9a-f]{12}(?=-\d+\b)", "<installation>"),
    (r'("pid": |myhost:)\d+', r"\1<pid>"),
    (r"PostgreSQL \d+(\.\d+)?( \([^)]*\))?", "PostgreSQL <version>"),
    (r"\b20\d\d[a-z]\b", "<tzdata>"),
    (r"-{2,}", "--"),
    (r"[ \t]+", " "),
)
_MOMENTS = ((_MOMENT, "<moment>"), (r"\b\d{4}-\d\d-\d\d\b", "<day>"), (r"\b\d\d:\d\d:\d\d(?:\.\d+)?Z?\b", "<clock>"))


def difference(said: str, page: str, *, exact: bool = False, goes_on: bool = False) -> str | None:
    """None where this is what the page says, else a diff. `goes_on`: there may be more to come behind it."""
    if page.lstrip()[:1] in ("{", "[") and not goes_on:
        said, page = _as_json(said, page)
    expected, found = _plain(page, exact=exact), _plain(said, exact=exact)
    pattern = "".join(_pattern(line) for line in expected) + (r"(?:.*\n)*" if goes_on else "")
    if re.fullmatch(pattern, "".join(f"{line}\n" for line in found)):
        return None
    return "\n".join(difflib.unified_diff(expected, found, "the page", "said", lineterm=""))


def _plain(text: str, *, exact: bool) -> list[str]:
    """The lines without what changes; empty ones are left out."""
    text = re.sub(rf"\b{re.escape(socket.gethostname())}(?=:\d)", "myhost", text)
    for pattern, word in _CHANGING if exact else (*_MOMENTS, *_CHANGING):
        text = re.sub(pattern, word, text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _pattern(line: str) -> str:
    if line == ANY:
        return r"(?:.*\n)*?"
    return ".*?".join(re.escape(part) for part in line.split(ANY)) + r"\n"


def _as_json(said: str, page: str) -> tuple[str, str]:
    """Both as JSON in the same layout; of what was said only the fields that the page shows."""
    try:
        found = json.loads(said)
    except ValueError:
        return said, page
    expected, found = _shown(json.loads(_with_marks(page)), found)
    return _laid_out(found), _laid_out(expected)


def _laid_out(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)


def _with_marks(page: str) -> str:
    """JSON with `…` in it as JSON: in an object a field of that name, in a list a text."""
    out, inside = [], []
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|…|[\[\]{}]|[^"…\[\]{}]+', page):
        if token in "[{":
            inside.append(token)
        elif token in "]}":
            inside.pop()
        out.append(f'"{ANY}": 0' if token == ANY and inside[-1] == "{" else f'"{ANY}"' if token == ANY else token)
    return "".join(out)


def _shown(expected: Any, found: Any) -> tuple[Any, Any]:
    """The page's value without its marks, and the part of the other that it shows."""
    if isinstance(expected, dict) and isinstance(found, dict):
        some = ANY in expected
        names = [name for name in expected if name != ANY]
        pairs = {name: _shown(expected[name], found.get(name)) for name in names}
        rest = {} if some else {name: value for name, value in found.items() if name not in expected}
        missing = {name for name in names if name not in found}
        return (
            {name: pair[0] for name, pair in pairs.items()},
            {name: pair[1] for name, pair in pairs.items() if name not in missing} | rest,
        )
    if isinstance(expected, list) and isinstance(found, list):
        if expected[-1:] == [ANY]:
            expected = expected[:-1]
            found = found[: len(expected)]
        both = [_shown(one, other) for one, other in zip(expected, found, strict=False)]
        return [one for one, _ in both] + expected[len(both) :], [other for _, other in both] + found[len(both) :]
    return expected, found
