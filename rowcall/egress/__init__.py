"""Calling out: the one HTTP client of Rowcall, safe to point at URLs that others wrote.

Whoever may create a schedule may make this machine send a request, so the client decides where to: by default the
public internet only. `addresses` knows what an address is, `policy` what is allowed (ROWCALL_HTTP_ALLOW), `url` and
`headers` what is well-formed; `backend` checks at the moment of connecting, and connects to what it checked; `client`
adds deadline and size; `request` is the `http` task on top of it, `result` what of an answer is kept,
`redaction` what is kept out of it.
"""

from __future__ import annotations

from .client import HttpClient, Response
from .errors import EgressFailed, EgressRefused
from .policy import Policy
from .redaction import Redactor
from .request import HttpRequest, call
from .result import HttpResult

__all__ = [
    "EgressFailed",
    "EgressRefused",
    "HttpClient",
    "HttpRequest",
    "HttpResult",
    "Policy",
    "Redactor",
    "Response",
    "call",
]
