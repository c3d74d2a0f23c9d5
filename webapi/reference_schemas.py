"""Schemas in the reference: the fields of an object as a table, and types in a few words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .html import Child, Html, element, joined, prose

Schema = Mapping[str, Any]

BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "maxProperties": "at most {} entries",
    "default": "{} where left out",
}


def schema_section(name: str, schema: Schema) -> Html:
    """A named schema, where links lead to."""
    description = schema.get("description")
    return element(
        "section",
        element("h3", name),
        element("p", prose(description)) if description else None,
        _fields(schema),
        id=f"schema-{name}",
    )


def type_of(schema: Schema) -> Html:
    """What a value must be, in a few words, with its bounds."""
    bounds = [
        text.format(json.dumps(schema[name])) for name, text in BOUNDS.items() if schema.get(name) not in (None, [])
    ]
    return joined(_kind(schema), f" ({', '.join(bounds)})" if bounds else None)


def _fields(schema: Schema) -> Html | None:
    if "properties" not in schema:
        return None if "type" not in schema else element("p", type_of(schema))
    needed = schema.get("required", [])
    rows: list[Child] = [
        element(
            "tr",
            element("td", element("code", name), element("b", " *") if name in needed else None),
            element("td", type_of(field)),
            element("td", prose(field.get("description", ""))),
        )
        for name, field in schema["properties"].items()
    ]
    return element("table", rows)


def _kind(schema: Schema) -> Html:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return element("a", name, href=f"#schema-{name}")
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return _either([type_of(each) for each in schema[word]])
    if "enum" in schema:
        return _either([element("code", json.dumps(each)) for each in schema["enum"]])
    if "const" in schema:
        return element("code", json.dumps(schema["const"]))
    if schema.get("type") == "array":
        return joined("list of ", type_of(schema.get("items", {})))
    return joined(schema.get("format") or str(schema.get("type", "anything")))


def _either(choices: list[Html]) -> Html:
    told: list[Child] = []
    for place, choice in enumerate(choices):
        told += [" or " if place else None, choice]
    return joined(told)
