"""The two ways in which a call to the outside does not succeed.

    RowcallError
    ├── Forbidden
    │   └── EgressRefused   not sent: this installation does not call that address, or the request is malformed
    └── EgressFailed        tried: no connection, no answer in time, a broken answer, or one not expected

A refusal is the same tomorrow, so trying again is of no use; a failure may pass.
"""

from __future__ import annotations

from rowcall.domain.errors import Forbidden, RowcallError


class EgressRefused(Forbidden):
    """Nothing was sent. The message says what was sought, what was found, and which setting decides."""


class EgressFailed(RowcallError):
    """The call was tried and did not succeed.

    `why` is the message without the address, for those who may not see its path.
    `status` is the answer's status where one came; `timed_out` is true where the time ran out.
    The receiver may have acted all the same: that is what the idempotency key is for.
    """

    def __init__(
        self, message: str, *, why: str | None = None, status: int | None = None, timed_out: bool = False
    ) -> None:
        self.why = message if why is None else why
        self.status = status
        self.timed_out = timed_out
        super().__init__(message)
