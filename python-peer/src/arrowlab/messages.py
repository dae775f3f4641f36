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
        self._pieces: deque[pa.Buffer] = deque()

    def put(self, message: Message) -> None:
        """Once `hold_batch` is true pyarrow may be asked for a batch; the dictionaries before it are here then, too."""
        self._pieces.append(pa.py_buffer(message.header))
        if message.body.size:
            self._pieces.append(message.body)
        self.hold_batch = message.kind is Kind.RECORD_BATCH

    def read_buffer(self, count: int) -> pa.Buffer:
        """Up to `count` bytes of the current header or body, in place; none at the end."""
        if not self._pieces:
            return pa.py_buffer(b"")
        piece = self._pieces[0]
        part = piece.slice(self._at, min(count, piece.size - self._at))
        self._at += part.size
        if self._at == piece.size:
            self._pieces.popleft()
            self._at = 0
        return part
