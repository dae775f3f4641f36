"""The two ways the transfer peer receives a stream (PROTOCOL.md, section 10): shared, and copied for comparison."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa

from arrowlab.bridge import connect, connect_socket
from arrowlab.errors import DataInvalid, IpcInvalid, ProducerGone
from arrowlab.readable import Readable
from arrowlab.subscription import Subscription, Validate


class Source(Protocol):
    inline_bytes: int

    def open(self, name: str) -> pa.Schema: ...

    def batches(self) -> Iterator[pa.RecordBatch]: ...

    def is_shared(self, buffer: pa.Buffer) -> bool:
        """Whether the buffer lies in the producer's memory."""
        ...

    def is_copied(self, buffer: pa.Buffer) -> bool:
        """Whether the buffer was copied on the way, other than inside an inline message."""
        ...

    def release(self) -> None:
        """Returns when all that the caller has dropped is given back."""
        ...

    def close(self) -> None: ...


class SharedSource:
    """Arrowlab's own way: batches over the producer's memory."""

    def __init__(self, path: str | None, fd: int | None, validate: Validate) -> None:
        self._peer = connect(path, fd=fd, validate=validate, name="arrowlab.peer")
        self._subscription: Subscription | None = None
        self.inline_bytes = 0

    def open(self, name: str) -> pa.Schema:
        self._subscription = self._peer.subscribe(name)
        return self._subscription.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        assert self._subscription is not None
        yield from self._subscription
        self.inline_bytes = self._subscription.inline_bytes

    def is_shared(self, buffer: pa.Buffer) -> bool:
        return self._peer.holds(buffer)

    def is_copied(self, buffer: pa.Buffer) -> bool:
        # What was cut out of a message has a parent; what pyarrow decompressed or concatenated has none.
        return not self._peer.holds(buffer) and buffer.parent is None

    def release(self) -> None:
        # The subscription holds the stream's dictionaries.
        self._subscription = None
        gc.collect()
        self._peer.flush()

    def close(self) -> None:
        self._peer.close()


class CopiedSource:
    """The well-made contender: a plain IPC stream, each body received straight into a buffer of its own."""

    def __init__(self, path: str | None, fd: int | None, validate: Validate) -> None:
        self._peer = connect_socket(path, fd)
        self._full = validate == "full"
        self._reader: pa.RecordBatchStreamReader | None = None
        self.inline_bytes = 0

    def open(self, name: str) -> pa.Schema:
        try:
            self._reader = pa.ipc.open_stream(pa.PythonFile(_Received(self._peer), mode="r"))
        except (pa.ArrowException, OSError) as cause:
            raise IpcInvalid(f"expected {name!r} to begin with a schema, found: {cause}") from cause
        return self._reader.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        assert self._reader is not None
        try:
            yield from map(self._checked, self._reader)
        except (pa.ArrowException, OSError) as cause:
            raise IpcInvalid(f"expected a record batch, found: {cause}") from cause

    def _checked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        batch.validate()
        if self._full:
            try:
                batch.validate(full=True)
            except pa.ArrowException as cause:
                raise DataInvalid(f"expected valid contents, found: {cause}") from cause
        return batch

    def is_shared(self, buffer: pa.Buffer) -> bool:
        return False

    def is_copied(self, buffer: pa.Buffer) -> bool:
        return True

    def release(self) -> None:
        self._reader = None
        gc.collect()

    def close(self) -> None:
        self._peer.close()


class _Received(Readable):
    """A socket as the file that pyarrow reads an IPC stream from; its end before the stream's is an error."""

    def __init__(self, peer: socket.socket) -> None:
        super().__init__()
        self._peer = peer

    def read_buffer(self, count: int) -> pa.Buffer:
        buffer = pa.allocate_buffer(count)
        left = memoryview(buffer).cast("B") if count else memoryview(b"")
        while left:
            received = self._peer.recv_into(left)
            if received == 0:
                raise ProducerGone("expected the marker of the stream's end, found the end of the connection")
            left = left[received:]
        self._at += count
        return buffer
