"""/metrics: figures for Prometheus, of this process and of the whole installation."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from rowcall.domain.access import Scope
from rowcall.webapi.queries import Query
from rowcall.webapi.registry import Call, route


async def metrics(call: Call[Query, None]) -> Response:
    """Tell the figures."""
    return Response(await call.services.scraping.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


OPERATIONS = (
    route(
        "GET",
        "/metrics",
        metrics,
        scope=Scope.ADMIN,
        summary="Figures for Prometheus, in its text format: of this process, and of the whole installation",
        description=(
            "Read from the database at most once in some seconds. With more than a thousand schedules there "
            "are no series of single ones."
        ),
        tag="monitoring",
        answers={200: str},
    ),
)
