"""A service that is called on a schedule, and acts once however often it is called: python receiver.py

Rowcall calls at least once. It may have to call again although the work was done: when the answer was lost, or when the
worker died. So each call carries two headers:

    Idempotency-Key   the same for all attempts of one execution: what was done under it is not done again
    Fencing-Token     higher with each attempt: a late sender, given up long ago, is turned away
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class Report:
    """What was done under a key, and the tokens of all calls for it. A real service keeps this in a table."""

    key: str
    kind: str
    tokens: list[int] = field(default_factory=list)


reports: dict[str, Report] = {}


async def create_report(request: Request) -> Response:
    """Make the report of this key, once. With "lose_first_answer" in the body the first answer is lost on its way."""
    key, token = request.headers["idempotency-key"], int(request.headers["fencing-token"])
    wanted = await request.json()
    known = reports.get(key)
    if known is None:
        reports[key] = Report(key, wanted["kind"], [token])
        if wanted.get("lose_first_answer"):
            return JSONResponse({"error": "the report is made, and you will never know"}, 503)
        return JSONResponse({"report": key, "repeated": False}, 201)
    if token < known.tokens[-1]:
        return JSONResponse({"error": f"token {token}: attempt {known.tokens[-1]} has been here"}, 409)
    known.tokens.append(token)
    return JSONResponse({"report": key, "repeated": True})


async def list_reports(_request: Request) -> Response:
    """All reports that were made."""
    return JSONResponse([vars(report) for report in reports.values()])


app = Starlette(
    routes=[
        Route("/reports", create_report, methods=["POST"]),
        Route("/reports", list_reports, methods=["GET"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("RECEIVER_PORT", "9000")), log_level="warning")
