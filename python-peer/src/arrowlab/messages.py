"""Messages in a row, as the file that pyarrow reads an IPC stream from."""

from __future__ import annotations

from collections import deque

import pyarrow as pa

from arrowlab.check import Kind, Message
from arrowlab.readable import Readable


class Messages(Readable):
    """What pyarrow reads is what has been put here, in place and never more: it cannot block inside pyarrow.

    A body is let go as soon as it has been read; what was read out of it keeps it alive.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hold_batch = False
        self._messages: deque[Message] = deque()
        # What is being read: the header from `_at` on, then what is left of the body.
        self._header = b""
        self._body: pa.Buffer | None = None

    def put(self, message: Message) -> None:
        """Once `hold_batch` is true pyarrow may be asked for a batch; the dictionaries before it are here then, too."""
        self._messages.append(message)
        self.hold_batch = message.kind is Kind.RECORD_BATCH

    def read(self, count: int) -> bytes:
        """pyarrow asks for the marker and the length of the metadata in this way, for all else by `read_buffer`."""
        return self._of_header(count) or self.read_buffer(count).to_pybytes()

    def read_buffer(self, count: int) -> pa.Buffer:
        """Up to `count` bytes of the current header or body, in place; none at the end."""
        if part := self._of_header(count):
            return pa.py_buffer(part)
        body = self._body
        if body is None or count == 0:
            return pa.py_buffer(b"")
        self._body = body.slice(count) if count < body.size else None
        return body.slice(0, count) if count < body.size else body

    def _of_header(self, count: int) -> bytes:
        """Up to `count` bytes of the header; none where the body is to be read."""
        at = self._at
        if at == len(self._header) and self._body is None and self._messages and count:
            message = self._messages.popleft()
            self._header, at = message.header, 0
            self._body = message.body if message.body.size else None
        part = self._header[at : at + count]
        self._at = at + len(part)
        return part
