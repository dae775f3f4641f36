"""A stream as its reader sees it: record batches over the producer's memory."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Iterator
from functools import partial
from types import TracebackType
from typing import Literal, Self

import pyarrow as pa

from arrowlab import fork
from arrowlab.batches import Batches
from arrowlab.check import check_message
from arrowlab.connection import Connection
from arrowlab.copier import Copier
from arrowlab.errors import Closed, DataInvalid, Error, IpcInvalid, IpcUnsupported
from arrowlab.stream import CopyOut, Stream

_log = logging.getLogger("arrowlab")
Validate = Literal["structure", "full"]
_UNSUPPORTED = (pa.ArrowNotImplementedError, pa.ArrowMemoryError)
_INVALID = (pa.ArrowException, OSError, UnicodeDecodeError)


class Subscription:
    """An iterator of `pyarrow.RecordBatch`, zero-copy over the producer's memory.

    A batch, and whatever was sliced out of it, stays valid for as long as it is referenced, also after this object and
    its connection are closed; its memory goes back to the producer when the last reference is gone, in any thread.

    Raises Timeout when the next message does not come in time (reading can go on after that), ProducerGone when the
    producer goes away before the end, IpcInvalid, IpcUnsupported and DataInvalid for what cannot be read, and whatever
    error the producer failed the stream with.
    """

    def __init__(
        self, connection: Connection, stream: Stream, timeout_s: float | None, validate: Validate, owner: object
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._timeout_s = timeout_s
        self._full = validate == "full"
        # The connection closes when its owner is dropped: not while somebody reads from it.
        self._owner = owner
        self._batches = Batches()
        # pyarrow's reader is for one thread at a time.
        self._turn = threading.Lock()
        # A subscription may be dropped inside a garbage collection, where no lock may be taken.
        dropped = Closed(f"expected an open subscription to read from, found that {stream} was closed here")
        self._cancel = weakref.finalize(self, connection.later, partial(connection.cancel, stream, dropped))
        self._cancel.atexit = False
        fork.watch(self)

    @property
    def schema(self) -> pa.Schema:
        """The stream's schema; waits for it."""
        with self._turn:
            return self._open()

    @property
    def inline_bytes(self) -> int:
        """How many bytes of dictionaries and batches came inside the socket's frames, too small to be worth a page."""
        return self._stream.inline_bytes

    def read_all(self) -> pa.Table:
        """All batches that are left, as one table over the producer's memory.

        Once the producer waits for that memory, what has been read is copied out and given back, and what comes, too:
        the stream may be longer than the producer's `maxBytes`.
        """
        batches: list[pa.RecordBatch] = []
        copier = Copier()
        self._stream.gather(True)
        try:
            while (batch := self._gather(batches, copier)) is not None:
                batches.append(batch)
                del batch
            return pa.Table.from_batches(batches, self.schema)
        finally:
            # An error keeps this frame, and must not keep the batches.
            batches.clear()
            self._stream.gather(False)

    def close(self) -> None:
        """Wants no more of the stream, and does not wait for the producer. Batches that were taken stay valid."""
        if pending := self._cancel.detach():
            _, _, (cancel,), _ = pending
            cancel()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        with self._turn:
            if not self._batches.opened:
                self._open()
            while not self._batches.ready:
                if not self._receive():
                    raise StopIteration
            try:
                batch = self._batches.read()
                batch.validate()
            except _UNSUPPORTED as cause:
                raise self._unsupported(cause) from cause
            except _INVALID as cause:
                raise self._refuse(IpcInvalid(f"expected a record batch of {self._stream}, found: {cause}")) from cause
            if self._full:
                self._validate(batch)
            return batch

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The batches that are left as an ArrowArrayStream: for polars, DuckDB, pandas and whatever else takes one."""
        return pa.RecordBatchReader.from_batches(self.schema, self).__arrow_c_stream__(requested_schema)

    def _gather(self, batches: list[pa.RecordBatch], copier: Copier) -> pa.RecordBatch | None:
        """One more batch, if there is one, after those that are held already: in place, or else all of them copied."""
        try:
            batch = next(self, None)
        except CopyOut:
            _log.debug("copying out what %s has brought: %d batches", str(self._stream), len(batches))
            for index in range(len(batches)):
                batches[index] = copier.copy(batches[index])
            return self._gather(batches, copier)
        return copier.copy(batch) if batch is not None and self._stream.copied_out else batch

    def after_fork(self) -> None:
        """In the child, where nothing more is read; what is open there is the parent's to close."""
        self._turn = threading.Lock()
        self._cancel.detach()
        self._stream.cancel(fork.closed_by_fork())

    def _open(self) -> pa.Schema:
        if not self._batches.opened and not self._receive():
            raise self._refuse(IpcInvalid(f"expected {self._stream} to begin with a schema, found its end"))
        try:
            return self._batches.open()
        except _UNSUPPORTED as cause:
            raise self._unsupported(cause) from cause
        except _INVALID as cause:
            raise self._refuse(IpcInvalid(f"expected a schema of {self._stream}, found: {cause}")) from cause

    def _receive(self) -> bool:
        """Whether there was one more message; it is checked and put where pyarrow reads."""
        received = self._connection.receive(self._stream, self._timeout_s)
        if received is None:
            return False
        try:
            self._batches.put(check_message(received), received)
        except IpcInvalid as error:
            raise self._refuse(error) from error.__cause__
        return True

    def _validate(self, batch: pa.RecordBatch) -> None:
        try:
            batch.validate(full=True)
        except _INVALID as cause:
            raise self._refuse(DataInvalid(f"expected valid contents in {self._stream}, found: {cause}")) from cause

    def _refuse(self, error: Error) -> Error:
        """The producer broke the protocol: the connection ends, and the error is to be raised."""
        self._connection.fail(error, report=True)
        self._drop(error)
        return error

    def _unsupported(self, cause: Exception) -> Error:
        """The message is well-formed, but not for this reader: only this stream ends."""
        error = IpcUnsupported(
            f"expected a message of {self._stream} that pyarrow {pa.__version__} reads, found: {cause}"
        )
        self._drop(error)
        return error

    def _drop(self, reason: Error) -> None:
        self._batches = Batches()
        self._connection.cancel(self._stream, reason.renewed())
