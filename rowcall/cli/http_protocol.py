"""HTTP by httptools, which takes half the time of uvicorn's other parser, and takes headers of any size: not here."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 65_536
"""Bytes of an address with all headers behind it, and those behind a body in pieces."""


class BoundedProtocol(HttpToolsProtocol):
    """Answers 400 to a request whose head is larger, and hangs up.

    What the parser hands over is added up; what it keeps for itself, such as the beginning of a header without an end,
    is counted as long as nothing else is heard of it.
    """

    _head_bytes = 0
    _unheard_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Have it parsed, unless too much is waiting to be a header."""
        self._unheard_bytes += len(data)
        before_this = self._unheard_bytes - len(data)  # several requests in one piece, of whatever size, are no fault
        if before_this <= LARGEST_HEAD:
            super().data_received(data)
        elif not self.transport.is_closing():
            self.send_400_response(f"The headers are larger than {LARGEST_HEAD} bytes.")

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._head_bytes = self._unheard_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Of a body the application says how large it may be."""
        self._unheard_bytes = 0
        super().on_body(body)

    def _count(self, size: int) -> None:
        self._unheard_bytes = 0
        self._head_bytes += size
        if self._head_bytes > LARGEST_HEAD:
            raise ValueError("the headers are too large")  # the parser stops there, and the answer is a 400
