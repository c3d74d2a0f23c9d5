"""What every answer of the API must be, as assertions."""

from __future__ import annotations

import json
from typing import Any

import httpx2


def faults(answer: httpx2.Response) -> dict[str, str]:
    """The faults of a 422, by field; asserts that it is one, and well formed."""
    problem = assert_problem(answer, 422)
    for error in problem["errors"]:
        assert set(error) == {"field", "pointer", "message"}
        assert error["message"]
    return {error["field"]: error["message"] for error in problem["errors"]}


def assert_problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """Every error passes this one assertion; returns the problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(answer.text)
    assert problem["type"].startswith("urn:rowcall:problem:")
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem
