"""/docs: the reference as one page of HTML, made from the OpenAPI document.

It is complete as it comes: no script, and nothing is asked of any other place; so it serves where nothing else can be
reached, and its policy forbids all the rest.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from .html import Child, Html, element, joined, prose
from .reference_schemas import schema_section, type_of

Document = Mapping[str, Any]


def page(document: Document) -> Html:
    """The whole page."""
    info = document["info"]
    title = f"{info['title']} {info['version']}: REST API"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(style())),
    )
    body = element(
        "body", element("nav", _contents(document)), element("main", _introduction(document), _all(document))
    )
    return Html(f"<!doctype html>{element('html', head, body, lang='en')}")


def style() -> str:
    """The style sheet, which stands in the page."""
    return files("rowcall.webapi").joinpath("reference.css").read_text(encoding="utf-8")


def headers() -> Mapping[str, str]:
    """What a browser is told of the page: it may use this style sheet, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def _operations(document: Document, tag: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _contents(document: Document) -> list[Child]:
    parts: list[Child] = []
    for tag in document["tags"]:
        links: list[Child] = [
            element("li", element("a", _method(method), f" {path}", href=f"#{operation['operationId']}"))
            for method, path, operation in _operations(document, tag["name"])
        ]
        parts.append(element("h2", tag["name"]))
        parts.append(element("ul", links))
    places = (("What callback URLs are sent", "#callbacks"), ("Schemas", "#schemas"), ("OpenAPI 3.1", "/openapi.json"))
    return [*parts, element("ul", [element("li", element("a", text, href=target)) for text, target in places])]


def _introduction(document: Document) -> Html:
    info = document["info"]
    schemes: list[Child] = [
        element("li", element("b", name), ": ", prose(scheme["description"]))
        for name, scheme in document["components"]["securitySchemes"].items()
    ]
    return element(
        "header",
        element("h1", f"{info['title']} {info['version']}"),
        element("p", prose(info["description"])),
        element("p", "Every error is a problem of RFC 9457. Keys are sent in one of these ways:"),
        element("ul", schemes),
    )


def _all(document: Document) -> list[Child]:
    parts: list[Child] = []
    for tag in document["tags"]:
        parts.append(element("h2", tag["name"]))
        parts.append(element("p", prose(tag["description"])))
        parts += [_operation(document, *each) for each in _operations(document, tag["name"])]
    parts.append(element("h2", "What callback URLs are sent", id="callbacks"))
    parts += [_operation(document, "POST", name, hook["post"]) for name, hook in document["webhooks"].items()]
    parts.append(element("h2", "Schemas", id="schemas"))
    parts += [schema_section(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    return parts


def _operation(document: Document, method: str, path: str, operation: Mapping[str, Any]) -> Html:
    description = operation.get("description")
    return element(
        "section",
        element("h3", _method(method), " ", element("code", path)),
        element("p", element("b", prose(operation["summary"]))),
        element("p", prose(description)) if description else None,
        _parameters(operation.get("parameters", [])),
        _body(operation["requestBody"]) if "requestBody" in operation else None,
        element("h4", "Answers"),
        [_answer(document, status, answer) for status, answer in operation["responses"].items()],
        id=operation["operationId"],
    )


def _method(method: str) -> Html:
    return element("span", method, class_=f"method {method.lower()}")


def _parameters(parameters: list[Mapping[str, Any]]) -> Html | None:
    if not parameters:
        return None
    rows: list[Child] = [
        element(
            "tr",
            element("td", element("code", each["name"])),
            element("td", each["in"]),
            element("td", type_of(each["schema"])),
            element("td", prose(each.get("description", ""))),
        )
        for each in parameters
    ]
    return joined(element("h4", "Parameters"), element("table", rows))


def _body(body: Mapping[str, Any]) -> Html:
    needed = "" if body.get("required") else ", which may be left out"
    return joined(element("h4", f"Body{needed}"), [_content(kind, each) for kind, each in body["content"].items()])


def _answer(document: Document, status: str, answer: Mapping[str, Any]) -> Html:
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    named: list[Child] = [
        element("li", element("code", name), ": ", prose(header["description"]))
        for name, header in answer.get("headers", {}).items()
    ]
    return element(
        "details",
        element("summary", element("b", status), " ", prose(answer["description"])),
        element("ul", named) if named else None,
        [_content(kind, each) for kind, each in answer.get("content", {}).items()],
    )


def _content(kind: str, content: Mapping[str, Any]) -> Html:
    examples = [each["value"] for each in content.get("examples", {}).values()]
    examples += [content["example"]] if "example" in content else []
    return joined(
        element("p", element("code", kind), " ", type_of(content["schema"])),
        [element("pre", json.dumps(each, indent=2, ensure_ascii=False)) for each in examples],
    )
