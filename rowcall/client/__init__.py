"""A client of the API, for programs that drive Rowcall from elsewhere.

    with rowcall.Client("https://rowcall.example.org", key="rowcall_…") as client:
        client.schedules.create(name="report", task_type="report", cron_expression="0 9 * * MON-FRI")
        execution = client.schedules.execute("report")
        print(client.executions.wait(execution, timeout=60).status)

client.py      the two faces, one that waits and one that is awaited
schedules.py   executions.py   backfills.py   webhooks.py   overview.py     the calls, each written once
fields.py      the fields of a schedule, as keyword arguments
calls.py       what is sent, and when it is sent again
sending.py     a request and its answer, in time
faces.py       from a call to a method
finding.py     which server, and which key
errors.py      what can go wrong

What comes back are the models that the API answers with (rowcall.wire). It needs neither a database nor a server.
"""

from __future__ import annotations

from .client import AsyncClient, Client
from .errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from .executions import WaitedTooLong
from .schedules import Schedule

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Conflict",
    "Forbidden",
    "Invalid",
    "NotFound",
    "PreconditionFailed",
    "RateLimited",
    "Schedule",
    "Unauthorized",
    "Unavailable",
    "WaitedTooLong",
]
