"""HTML as values: what is text is escaped, whoever forgets to think of it."""

from __future__ import annotations

import html
import re
from typing import TypeAlias


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = str | list["Child"] | None
VOID = {"meta", "hr"}


def element(tag: str, /, *children: Child, **attributes: str | None) -> Html:
    """An element. `class_` is the attribute class; None leaves an attribute, or a child, out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{told}>" if tag in VOID else f"<{tag}{told}>{joined(*children)}</{tag}>")


def joined(*children: Child) -> Html:
    """One after the other; lists are taken apart."""
    return Html("".join(_text(child) for child in children))


def prose(text: str) -> Html:
    """A sentence in which `words like this` are code."""
    parts = re.split(r"`([^`]+)`", text)
    return joined(*(element("code", part) if place % 2 else part for place, part in enumerate(parts)))


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, list):
        return joined(*child)
    return child if isinstance(child, Html) else html.escape(child)
