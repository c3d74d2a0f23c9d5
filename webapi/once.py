"""Idempotency-Key: a POST that is sent twice, because its answer got lost, is done once.

As the IETF's draft has it: the same key with another request is a 422. Only what was done is kept; a request that was
refused has changed nothing, and the same key serves the next try.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from rowcall.store.database import Database
from rowcall.store.idempotency import KeptAnswer, OtherRequest, as_one, keep_answer, take_key

from .problems import Problem

HEADER = "Idempotency-Key"
MEANING = "A request sent again with the same key within a day is not done again: it gets the answer of the first."
REPLAYED = "Idempotency-Replayed"
LONGEST = 255
CHARACTERS = r"[\x21\x23-\x5b\x5d-\x7e]"
KEY_SCHEMA = {"type": "string", "pattern": f"^{CHARACTERS}+$", "minLength": 1, "maxLength": LONGEST}


def key_of(request: Request) -> str | None:
    """The key that was sent, in quotes (as the draft has it) or without; None without one. Raises a 400."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    quoted = re.fullmatch(r'"(.*)"', given[0].strip())
    key = quoted.group(1) if quoted else given[0].strip()
    if len(given) > 1 or re.fullmatch(f"{CHARACTERS}{{1,{LONGEST}}}", key) is None:
        raise Problem(
            400, f"{HEADER} must be one word of 1 to {LONGEST} printable ASCII characters, such as a UUID: send it once"
        )
    return key


async def done_once(
    database: Database,
    request: Request,
    body: Mapping[str, Any] | None,
    who: str,
    key: str,
    do: Callable[[Database], Awaitable[Response]],
) -> Response:
    """What `do` answers inside one transaction; or what it answered when the request first came with this key."""
    try:
        async with as_one(database) as joined:
            kept = await take_key(joined, who, key, _fingerprint(request, body))
            if kept is not None:
                return Response(kept.body, kept.status, {**kept.headers, REPLAYED: "true"})
            response = await do(joined)
            await keep_answer(joined, who, key, _kept(response))
    except OtherRequest as fault:
        raise Problem(422, str(fault), "idempotency-key-reused") from None
    return response


def _fingerprint(request: Request, body: Mapping[str, Any] | None) -> bytes:
    said = [request.method, request.url.path, request.url.query, body]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode("ascii")).digest()


def _kept(response: Response) -> KeptAnswer:
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return KeptAnswer(response.status_code, headers, bytes(response.body).decode("utf-8"))
